"""What the policy is asked."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Strict


class TaskConfig(Strict):
    """Which problems the policy is asked, and how."""

    type: Literal["reasoning_gym"] = "reasoning_gym"
    name: Literal[
        "chain_sum", "basic_arithmetic", "products", "gcd", "lcm", "decimal_chain_sum", "count_bits"
    ] = Field("chain_sum", description="Task of the reasoning-gym package.")
    options: dict[str, int | float | bool | str] = Field(
        default_factory=dict,
        description="Options of the task's generator, for example min_terms, max_terms, min_digits "
        "and max_digits of chain_sum.",
    )
    template: Literal["r1"] = Field(
        "r1", description="How a question becomes a prompt: R1's <think>, <answer> instruction."
    )
