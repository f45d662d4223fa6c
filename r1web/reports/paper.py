"""What the DeepSeek-R1 paper states of its stages: Nature 645, 633 (2025), Methods, and arXiv
2501.12948v2 with its supplement."""

from collections.abc import Mapping
from typing import Any

SOURCE = "DeepSeek-R1: Nature 645, 633 (2025), Methods; arXiv:2501.12948v2, supplement"

ZERO = {
    "learning_rate": "3e-6", "kl_coef": "0.001", "clip": "not stated", "loss": "GRPO",
    "group_size": "16", "prompts": "32", "batch": "512", "collection": "8,192", "inner": "1",
    "ref_refresh": "400", "temperature": "1",
    "max_length": "32,768, from step 8.2k 65,536", "steps": "10,400",
}  # fmt: skip
RL_1 = ZERO | {"clip": "10", "max_length": "32,768", "steps": "not stated"}
RL_2 = RL_1 | {"temperature": "0.7", "max_length": "not stated", "steps": "1,700"}
SFT = {
    "learning_rate": "5e-5 → 5e-6", "batch": "128", "max_length": "32,768", "steps": "2–3 epochs",
}  # fmt: skip
DISTILL = {
    "learning_rate": "2e-5 to 1e-4 by size, to a tenth", "batch": "64", "max_length": "32,768",
    "steps": "2–3 epochs",
}  # fmt: skip
REWARD_MODEL = {
    "learning_rate": "6e-6", "batch": "256", "max_length": "8,192", "steps": "1 epoch",
}  # fmt: skip
OTHERS: dict[str, tuple[str, Mapping[str, str]]] = {
    "sft": ("SFT", SFT),
    "distill": ("distillation", DISTILL),
    "reward_model": ("helpful reward model", REWARD_MODEL),
}
COUNTERPARTS = (
    "The paper's number stands after each: a GRPO stage that starts from a base model is held "
    "against R1-Zero, one whose reward has a model against RL stage 2, any other against RL stage "
    "1."
)


def counterpart(stage: Mapping[str, Any], *, from_base: bool) -> tuple[str, Mapping[str, str]]:
    """The paper's stage that one is held against, and what is stated of it, both empty for none."""
    if stage["type"] != "grpo":
        return OTHERS.get(stage["type"], ("", {}))
    if (stage.get("reward") or {}).get("model"):
        return "RL stage 2", RL_2
    return ("R1-Zero", ZERO) if from_base else ("RL stage 1", RL_1)
