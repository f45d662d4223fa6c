"""How a problem becomes a prompt: R1's few words, or the model's own chat template."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from training.config import MixtureConfig, SingleTaskConfig, TaskConfig
from training.tasks.problem import Problem, TaskError

R1_TEMPLATE = (
    "User asks, Assistant solves. It works in <think> </think>, then it gives the result in "
    "<answer> </answer>.\nUser: {question}\nAssistant:"
)
SYSTEM_PROMPT = (
    "First work the problem out in <think> </think>, then give the result alone in "
    "<answer> </answer>."
)
"""What a chat model is told unless task.system_prompt says otherwise: rewards read these tags."""

Template = Callable[[Problem], str]


def build_template(
    config: TaskConfig | SingleTaskConfig, tokenizer: Path, field: str = "task"
) -> Template:
    """The task's template; in a mixture each problem gets its own part's.

    `tokenizer` is the directory that a chat template is read from, `field` where the config
    stands. Raises TaskError.
    """
    if isinstance(config, MixtureConfig):
        by_part = {
            part.label: build_template(part.task, tokenizer, f"{field}.parts.{place}.task")
            for place, part in enumerate(config.parts)
        }
        return lambda problem: by_part[problem.task](problem)
    if config.template == "chat":
        said = config.system_prompt
        return chat_template(tokenizer, SYSTEM_PROMPT if said is None else said, field)
    return lambda problem: r1_prompt(problem.question)


def r1_prompt(question: str) -> str:
    """The prompt of R1-Zero, to think first, then answer, in few words; the completion is expected
    to begin with `<think>`."""
    return R1_TEMPLATE.replace("{question}", question)


def has_chat_template(tokenizer: Path) -> bool:
    """Whether the tokenizer in that directory says how a chat is written."""
    if (tokenizer / "chat_template.jinja").is_file():
        return True
    content = json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8"))
    return bool(content.get("chat_template"))


def chat_template(tokenizer: Path, system: str, field: str) -> Template:
    """The chat template of the tokenizer in that directory; without a system message where
    `system` is empty. Raises TaskError when it has none, or takes no system message."""
    from jinja2 import TemplateError  # noqa: PLC0415 - reward workers do without
    from transformers import AutoTokenizer  # noqa: PLC0415 - likewise; it takes seconds to load

    chat = AutoTokenizer.from_pretrained(tokenizer)
    if not chat.chat_template:
        raise TaskError(
            f"{field}.template: the tokenizer of {tokenizer} has no chat template: take r1, or a "
            "model that was tuned for chats."
        )
    opening = [{"role": "system", "content": system}] if system else []

    def prompt(problem: Problem) -> str:
        messages = [*opening, {"role": "user", "content": problem.question}]
        return str(chat.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    try:
        prompt(Problem("Is it so?", ""))
    except TemplateError as error:
        raise TaskError(
            f"{field}.system_prompt: the model's chat template refuses it ({error}): set it to "
            '"" to leave it out.'
        ) from error
    return prompt
