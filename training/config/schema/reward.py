"""What a completion is rewarded for."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from training.config.schema.base import Strict, unit
from training.config.schema.endpoint import EndpointConfig
from training.config.schema.task import Option

TAKEN_NAMES = frozenset({
    "accuracy", "format", "tag_count", "language", "length", "repetition", "overlong", "model",
    "judge", "mean", "std", "errors", "timeouts", "group_max_mean",
})  # fmt: skip
"""What a reward of one's own may not be called: `reward/<name>` is a series already."""
Weight = Annotated[float, Field(ge=0, le=100)]
Language = Literal["ar", "el", "en", "he", "hi", "ja", "ko", "ru", "th", "zh"]


class LanguageConfig(Strict):
    """Language consistency, as in R1: share of the thinking's words that are of one language."""

    weight: Weight = Field(0.0, description="Weight of language consistency, 0 to 1.")
    target: Language = Field("en", description="Language the policy should think in.")


class LengthConfig(Strict):
    """Cosine of the length: from one value for the shortest completion to one for the longest."""

    weight: Weight = Field(0.0, description="Weight of the cosine length reward.")
    right_short: float = Field(1.0, ge=-10, le=10, description="For a right answer of no length.")
    right_long: float = Field(
        0.5, ge=-10, le=10, description="For a right answer of the greatest length."
    )
    wrong_short: float = Field(-1.0, ge=-10, le=10, description="For a wrong answer of no length.")
    wrong_long: float = Field(
        -0.5, ge=-10, le=10, description="For a wrong answer of the greatest length."
    )


class RepetitionConfig(Strict):
    """Share of the word n-grams that were there before, negative."""

    weight: Weight = Field(0.0, description="Weight of the repetition penalty, -1 to 0.")
    ngram: int = Field(
        3, ge=1, le=100, json_schema_extra=unit("words"), description="Words that count as one."
    )


class OverlongConfig(Strict):
    """DAPO's soft punishment of completions that come near the greatest length."""

    weight: Weight = Field(0.0, description="Weight of the overlong punishment, -1 to 0.")
    buffer_tokens: int = Field(
        4096,
        ge=1,
        json_schema_extra=unit("tokens"),
        description="How far before the greatest length the punishment begins to grow.",
    )


Reads = Literal["completion", "answer"]
READS_HELP = (
    "What it is shown: everything, or the answer alone (as R1's helpfulness model was, so that the "
    "thinking stays free)."
)
PartName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class CustomRewardConfig(Strict):
    """Rewards of your own: one Python file. docs/rewards.md shows it."""

    path: str = Field(
        min_length=1,
        max_length=1024,
        description="A .py file with a function rewards(completion, problem, options). It runs in "
        "the trainer's reward processes: take only files you trust.",
    )
    weights: dict[PartName, Weight] = Field(
        min_length=1, description="Weight of each number that the function gives, by its name."
    )
    options: dict[str, Option] = Field(
        default_factory=dict, description="Given to rewards() as they are."
    )

    @field_validator("weights")
    @classmethod
    def _names_of_its_own(cls, weights: dict[str, float]) -> dict[str, float]:
        for name in weights:
            if name in TAKEN_NAMES or name.endswith("_std"):
                message = "“{name}” is the name of another series: choose another."
                raise PydanticCustomError("taken", message, {"name": name})
        return weights


class RewardModelConfig(Strict):
    """A reward model: a network that gives a conversation one number."""

    path: str = Field(
        min_length=1,
        max_length=1024,
        description="Hugging Face directory of a sequence classification model with one label.",
    )
    weight: Weight = Field(1.0, description="Weight of the number as the model gives it.")
    reads: Reads = Field("completion", description=READS_HELP)


class JudgeConfig(EndpointConfig):
    """A language model as judge, behind an OpenAI-compatible endpoint."""

    criterion: str = Field(
        min_length=1,
        max_length=20_000,
        description="What to grade by. {answer} stands for the answer that the task expects.",
    )
    weight: Weight = Field(1.0, description="Weight of the judge's grade, 0 to 1.")
    reads: Reads = Field("completion", description=READS_HELP)


class RewardConfig(Strict):
    """Rule rewards; the total is the weighted sum of the parts."""

    accuracy: Weight = Field(
        1.0, description="Weight of the answer being right, by the task's verifier."
    )
    format: Weight = Field(
        1.0, description="Weight of the form: one <think> part, then one <answer>, nothing else."
    )
    tag_count: Weight = Field(
        0.0, description="Weight of the four tags: a quarter for each that stands exactly once."
    )
    language: LanguageConfig = LanguageConfig()
    length: LengthConfig = LengthConfig()
    repetition: RepetitionConfig = RepetitionConfig()
    overlong: OverlongConfig = OverlongConfig()
    custom: CustomRewardConfig | None = Field(
        None, description="Rewards of your own, from a Python file."
    )
    model: RewardModelConfig | None = Field(
        None, description="A reward model, which grades on the trainer's device after sampling."
    )
    judge: JudgeConfig | None = Field(None, description="A language model that grades completions.")
    workers: int = Field(
        2,
        ge=1,
        le=256,
        json_schema_extra=unit("processes"),
        description="Processes in which rewards are computed, for each process that trains.",
    )
    timeout_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        json_schema_extra=unit("s"),
        description="Longest that one reward of one completion may take; then its process is "
        "killed, and the completion counts as not scored, never as wrong.",
    )

    @property
    def weights(self) -> dict[str, float]:
        """The parts that are measured, with their weights, in the order they are computed.

        Accuracy and format are always among them: charts and evaluation read them.
        """
        optional = {
            "tag_count": self.tag_count,
            "language": self.language.weight,
            "length": self.length.weight,
            "repetition": self.repetition.weight,
            "overlong": self.overlong.weight,
        }
        asked = {name: weight for name, weight in optional.items() if weight}
        own = self.custom.weights if self.custom else {}
        graders = {"model": self.model, "judge": self.judge}
        graded = {name: grader.weight for name, grader in graders.items() if grader}
        return {"accuracy": self.accuracy, "format": self.format, **asked, **own, **graded}
