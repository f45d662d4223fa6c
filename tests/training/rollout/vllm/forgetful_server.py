"""The sampler as it would be if it left experts to vLLM, which keeps computing with the first."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "training" / "rollout" / "vllm"))

import server


def forget_nothing(_: Any) -> None:
    """In the place of what makes a reload reach the experts."""


if __name__ == "__main__":
    server.forget_packed_experts = forget_nothing
    server.main()
