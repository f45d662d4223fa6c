"""How completions are drawn."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.config.schema.base import Strict, fail, unit

Address = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):\d{1,5}$")]
"""HOST:PORT; an IPv6 host stands in brackets."""


class NativeSampler(Strict):
    """In the trainer itself, from the very weights that are trained."""

    type: Literal["native"] = "native"
    max_sequences: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="Completions that a process writes at the same time: one that has ended gives "
        "its place to the next. Empty: all of a collection at once.",
        json_schema_extra=unit("completions"),
    )


class VllmSampler(Strict):
    """vLLM in a process with an environment of its own, beside each training process or on other
    nodes. Weights are handed over whenever they have changed."""

    type: Literal["vllm"] = "vllm"
    python: str = Field(
        "",
        max_length=1024,
        description="Interpreter of vLLM's environment; empty: the one that `make vllm` makes.",
    )
    addresses: list[Address] = Field(
        [],
        max_length=4096,
        description="HOST:PORT of samplers that run elsewhere, one for each training process; "
        "empty: each process starts its own beside it.",
    )
    token_env: str = Field(
        "R1WEB_SAMPLER_TOKEN",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        max_length=128,
        description="Environment variable with the secret that samplers elsewhere share with us.",
    )
    kv_cache_gib: float = Field(
        4.0,
        ge=0.25,
        le=4096,
        description="Memory for keys and values; sequences that find no room wait.",
        json_schema_extra=unit("GiB"),
    )
    max_sequences: int = Field(
        256,
        ge=1,
        le=65536,
        description="Completions that are written at the same time.",
        json_schema_extra=unit("completions"),
    )


Sampler = Annotated[NativeSampler | VllmSampler, Field(discriminator="type")]


class GrowthConfig(Strict):
    """More room for completions from some step on, as R1-Zero was given."""

    from_step: int = Field(
        ge=2,
        le=10_000_000,
        description="First step with the new limit; a collection keeps that of its first step.",
        json_schema_extra=unit("steps"),
    )
    max_new_tokens: int = Field(
        ge=2, le=131072, description="Longest completion then.", json_schema_extra=unit("tokens")
    )


class SamplingConfig(Strict):
    """How completions are drawn from the policy."""

    engine: Sampler = Field(NativeSampler(), description="What writes completions.")
    speculative: bool = Field(
        False,
        description="The multi-token prediction layer drafts and the model checks: the same "
        "distribution, fewer passes. Needs a model with such a layer.",
    )
    staleness: int = Field(
        0,
        ge=0,
        le=16,
        description="Collections that are sampled ahead while training goes on; each comes from a "
        "policy that is so many collections older than the one it trains. 0 is on-policy.",
        json_schema_extra=unit("collections"),
    )
    carry_over: float = Field(
        0.0,
        ge=0,
        le=4,
        description="Prompts begun beyond what a collection needs, as a share of it. Once enough "
        "groups are finished, the others wait for the next collection, whose policy goes on with "
        "them. 0: every collection waits for its longest completion.",
    )
    max_new_tokens: int = Field(
        64, ge=1, le=131072, description="Longest completion.", json_schema_extra=unit("tokens")
    )
    growth: GrowthConfig | None = Field(
        None, description="A longer limit from some step on; null keeps it as it is."
    )
    min_new_tokens: int = Field(
        0,
        ge=0,
        le=131072,
        description="Shortest completion: before so many tokens none ends by itself.",
        json_schema_extra=unit("tokens"),
    )
    stop: list[Annotated[str, Field(min_length=1, max_length=256)]] = Field(
        [],
        max_length=16,
        description="Strings that end a completion, beside the end token; it keeps the one that "
        "ended it.",
    )
    routing_replay: bool = Field(
        False,
        description="Train with the experts that each token took when it was sampled: rounding "
        "would choose others here and there. For models with experts.",
    )
    temperature: float = Field(1.0, gt=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)

    def max_new_tokens_at(self, step: int) -> int:
        """Longest completion of that step."""
        grown = self.growth is not None and step >= self.growth.from_step
        return self.longest[1] if grown else self.max_new_tokens

    @property
    def longest(self) -> tuple[str, int]:
        """Longest completion of the whole run, in tokens, after the field that sets it."""
        if self.growth is None:
            return "sampling.max_new_tokens", self.max_new_tokens
        return "sampling.growth.max_new_tokens", self.growth.max_new_tokens

    @model_validator(mode="after")
    def _grows(self) -> "SamplingConfig":
        if self.growth is not None and self.growth.max_new_tokens <= self.max_new_tokens:
            raise fail(
                "sampling.growth.max_new_tokens",
                f"{self.growth.max_new_tokens} is not above sampling.max_new_tokens "
                f"({self.max_new_tokens}): raise it, or take sampling.growth out.",
            )
        return self
