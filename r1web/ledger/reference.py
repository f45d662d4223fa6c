"""What others have told of their cost: published accounts, and estimates by the press."""

from dataclasses import dataclass

R1 = "DeepSeek-R1, Nature 645 (2025), supplement; arXiv:2501.12948v2. H800 at $2 an hour."
V3 = "DeepSeek-V3 Technical Report, arXiv:2412.19437, table 1. H800 at $2 an hour."
ALTMAN = (
    "Sam Altman at MIT, by Wired: “OpenAI's CEO Says the Age of Giant AI Models Is Already Over”, "
    "17 April 2023."
)
AI_INDEX = (
    "Stanford AI Index Report 2024, after Epoch AI: compute of the final run at prices of clouds, "
    "by training time, hardware and its utilization."
)


@dataclass(frozen=True)
class Published:
    account: str
    part: str
    gpu_hours: int
    usd: int
    source: str
    is_total: bool = False
    """Of the account's other parts."""
    device_model: str = "NVIDIA H800"


@dataclass(frozen=True)
class PressEstimate:
    """Nobody who knows has published these."""

    model: str
    usd: int
    at_least: bool
    source: str


PUBLISHED = (
    Published("DeepSeek-R1", "R1-Zero", 101_000, 202_000, R1),
    Published("DeepSeek-R1", "SFT data", 5_000, 10_000, R1),
    Published("DeepSeek-R1", "R1", 41_000, 82_000, R1),
    Published("DeepSeek-R1", "Together", 147_000, 294_000, R1, is_total=True),
    Published("DeepSeek-V3 base", "Pre-training", 2_664_000, 5_328_000, V3),
    Published("DeepSeek-V3 base", "Longer context", 119_000, 238_000, V3),
    Published("DeepSeek-V3 base", "Post-training", 5_000, 10_000, V3),
    Published("DeepSeek-V3 base", "Together", 2_788_000, 5_576_000, V3, is_total=True),
)
PRESS = (
    PressEstimate("GPT-4", 100_000_000, True, ALTMAN),
    PressEstimate("GPT-4", 78_400_000, False, AI_INDEX),
    PressEstimate("Gemini Ultra", 191_400_000, False, AI_INDEX),
    PressEstimate("PaLM (540B)", 12_400_000, False, AI_INDEX),
    PressEstimate("Llama 2 70B", 3_930_000, False, AI_INDEX),
)
