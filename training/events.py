"""The journal's records: one JSON line an event, the truth about a run.

The trainer's rank 0 appends them to `events.jsonl`; the supervisor reads them. `seq` rises by one
with every line of the file, over all attempts of the run. Numbers may be NaN or infinite; they
travel as the strings "NaN", "Infinity" and "-Infinity", so that every line is standard JSON.

Steps count from 1; step 0 stands for the state before training. A checkpoint of step s holds the
state after step s, and an attempt that starts from it goes on with step s + 1.
"""

import binascii
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Phase = Literal["loading", "sampling", "rewarding", "training", "evaluating", "checkpointing"]
FinishReason = Literal["stop", "length"]

UNKNOWN = -32768
"""In `CompletionRecord.tokens`, the number that stands for one that is not there."""
TOKEN_STEPS = {"logprobs": 1 / 256, "entropies": 1 / 256, "differences": 1 / 4096}
"""What `CompletionRecord.tokens` may tell of each token, and the steps in nats that it is rounded
to: the sampler's log-probability of it, the entropy of the trainer's distribution, and the
trainer's log-probability less the sampler's. Numbers beyond 32767 steps are cut to that."""


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class EventBase(Record):
    seq: int = Field(ge=1)
    time: float
    """Unix time in seconds."""
    stage: str = "grpo"
    step: int = Field(ge=0)


class StartedEvent(EventBase):
    """The trainer is up: where it runs, and from which step it goes on."""

    type: Literal["started"] = "started"
    start_step: int
    total_steps: int
    processes: int
    device: str
    dtype: str
    parameters: int
    versions: dict[str, str]


class PhaseEvent(EventBase):
    type: Literal["phase"] = "phase"
    phase: Phase


class MetricsEvent(EventBase):
    type: Literal["metrics"] = "metrics"
    values: dict[str, float]


class CompletionRecord(Record):
    text: str
    """Decoded completion, without prompt and end token."""
    reward: float
    """The weighted sum; NaN when a part that has a weight could not be scored."""
    rewards: dict[str, float]
    """Raw parts before weighting, by name (accuracy, format, …); only those that were scored."""
    reward_errors: dict[str, str] = {}
    """Why the others were not, by name."""
    advantage: float
    """0 for a completion without a reward."""
    length: int
    """Tokens, the end token included."""
    finish_reason: FinishReason
    logprob_mean: float
    """Mean log-probability of the sampled tokens, nats."""
    parsed: str | None = None
    """What the verifier read as the answer; null when it found none, or none was asked for."""
    reasons: dict[str, str] = {}
    """Why the parts are what they are, by the name of the reward; most say so only below 1."""
    entropy_mean: float | None = None
    """Mean entropy of the trainer's distribution at the tokens, nats; null where it did not see
    them."""
    tokens: str | None = None
    """The tokens one by one, see `pack_tokens`; null where the run's config does not ask for it."""


class RolloutsEvent(EventBase):
    """One prompt with its group of completions."""

    type: Literal["rollouts"] = "rollouts"
    group: int
    """Place of the prompt within the step, from 0."""
    trained: bool = True
    """False for a flat group in whose place others were sampled."""
    policy_version: int
    """Optimiser steps the sampling policy had seen."""
    fingerprint: str | None = None
    """Of the weights that wrote the completions; null where the trainer sampled from its own."""
    prompt: str
    question: str
    answer: str
    """What the verifier expects."""
    task: str = ""
    """Name of the task that the prompt is of: in a mixture, of the part; "" in old journals."""
    difficulty: float | None = None
    """The level it was drawn at, or what its source says; null where there is neither."""
    completions: list[CompletionRecord]


class StageInput(Record):
    """What a stage begins with or learns from."""

    role: Literal["weights", "data", "reward_model", "model"]
    """`model`: one that it evaluates."""
    stage: str | None = None
    """Which stage has made it; null: none of this run."""
    path: str
    """Directory or file: relative to the run directory where it is in there."""
    rows: int | None = None
    """Of data."""


class StageOutput(Record):
    role: Literal["weights", "data", "reward_model"]
    path: str
    """Relative to the run directory."""
    rows: int | None = None
    sha256: str | None = None
    """Of a file of data."""


class StageEvent(EventBase):
    """A stage of a pipeline begins, goes on from a checkpoint, or is done."""

    type: Literal["stage"] = "stage"
    kind: Literal["grpo", "sft", "distill", "rejection_sampling", "reward_model", "evaluate"]
    state: Literal["began", "resumed", "finished"]
    first_step: int
    """The step after which the stage begins."""
    last_step: int
    inputs: list[StageInput] = []
    outputs: list[StageOutput] = []
    """Of a stage that is done."""


class SourceFile(Record):
    path: str
    bytes: int
    sha256: str


class ScanRecord(Record):
    """How much of some texts looks machine-written; see docs/provenance.md."""

    texts: int
    judged: int
    """Those of a kind of which the rules' error is known."""
    flagged: int
    """Of them those that look it by the rules."""
    share: float | None
    """`flagged` of `judged`, corrected for the rules' known error; with its 95 % interval, 0 to 1.
    Null where none was judged."""
    low: float | None
    high: float | None


class DatasetCard(Record):
    """What a dataset is and where it comes from."""

    id: str
    """The same for the same data and settings, wherever it is used: from all fields but `role`,
    `field` and `scan`, and of the files their contents, not their paths."""
    role: Literal["training", "evaluation", "pretraining"]
    field: str
    """Where the config names it."""
    name: str
    source: Literal["generator", "files", "hub", "program", "stage"]
    origin: str
    """Generator, path, dataset on the hub, or the stage that has made it."""
    version: str | None = None
    """Of the generator's package, or the dataset's revision."""
    options: dict[str, Any] = {}
    seed: int | None = None
    rows: int | None = None
    """Null: made without end."""
    licence: str | None = None
    """Null: not stated."""
    licence_from: Literal["config", "README", "package"] | None = None
    files: list[SourceFile] = []
    """The first of them."""
    file_count: int = 0
    sha256: str | None = None
    """Of the one file; of several, of the list of their own."""
    scan: ScanRecord | None = None


class CodeVersion(Record):
    version: str
    """Of the package."""
    commit: str | None = None
    """Null outside a tree of git."""
    dirty: bool = False
    """The code had changes that are in no commit."""


class DeviceCount(Record):
    node: str
    device: str
    count: int


class Environment(Record):
    """What a stage ran on and by."""

    code: CodeVersion
    versions: dict[str, str]
    devices: list[DeviceCount]


class WeightsOrigin(Record):
    """What a stage began with, or went on from."""

    kind: Literal["shipped", "hub", "directory", "checkpoint"]
    path: str
    sha256: str | None = None
    """Of a checkpoint's manifest.json; of another directory, of the list of its files' own."""


class Stretch(Record):
    """What one attempt did of a stage."""

    stage: str
    after_step: int
    """It went on from there."""
    digest: str
    """SHA-256 of the run's config."""
    environment: Environment
    datasets: list[str]
    """Ids of their cards."""
    parent: WeightsOrigin


class Overlap(Record):
    problem: str
    like: str
    words: str


class Decontamination(Record):
    ngram: int
    problems: int
    left_out: int
    examples: list[Overlap] = []
    """The first of them."""


class ProvenanceEvent(EventBase):
    """An attempt begins a stage or goes on with it: on what, by which code, from which data."""

    type: Literal["provenance"] = "provenance"
    resumed: bool
    stretch: Stretch
    datasets: list[DatasetCard]
    decontamination: Decontamination | None = None
    """Null: nobody looked for it."""


class EvaluationEvent(EventBase):
    """Held-out score; `values` are series too (eval/pass_at_1, …)."""

    type: Literal["evaluation"] = "evaluation"
    model: str | None = None
    """Whose score it is, where a stage evaluates several: a stage's name, base, or a directory.
    Null: of the policy as it was at this step."""
    values: dict[str, float]
    problems: int
    completions_per_problem: int


class CheckpointEvent(EventBase):
    type: Literal["checkpoint"] = "checkpoint"
    path: str
    """Relative to the run directory."""
    bytes: int
    reason: Literal["schedule", "stop", "stage", "final"]
    """`stage`: what a stage of a pipeline has left."""
    removed: list[str] = []
    """Paths of older checkpoints that were pruned with this one."""


class LogEvent(EventBase):
    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"]
    message: str


class FinishedEvent(EventBase):
    """The last line of an attempt that ended by itself."""

    type: Literal["finished"] = "finished"
    outcome: Literal["finished", "stopped", "failed"]
    reason: str
    """One sentence."""


Event = Annotated[
    StartedEvent
    | PhaseEvent
    | MetricsEvent
    | RolloutsEvent
    | StageEvent
    | ProvenanceEvent
    | EvaluationEvent
    | CheckpointEvent
    | LogEvent
    | FinishedEvent,
    Field(discriminator="type"),
]

EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)


def parse_line(line: str | bytes) -> Event:
    """The event of one journal line. Raises pydantic.ValidationError for anything else."""
    return EventAdapter.validate_json(line)


def pack_tokens(lengths: bytes, told: Mapping[str, bytes]) -> str:
    """A completion's tokens as `CompletionRecord.tokens`.

    `lengths` are the characters (code points) of the text that begin in each token, so that the
    tokens' texts follow one another; `told` are numbers by the names of `TOKEN_STEPS`, in their
    steps. All are 16-bit integers, the low byte first, one a token; `UNKNOWN` stands for none. What
    comes out is base64 of zlib of: a byte with a bit for each name of `TOKEN_STEPS` that is told,
    then the low bytes of everything, then the high bytes: in this order they pack better.
    """
    names = [name for name in TOKEN_STEPS if name in told]
    flags = sum(1 << place for place, name in enumerate(TOKEN_STEPS) if name in told)
    numbers = lengths + b"".join(told[name] for name in names)
    packed = zlib.compress(bytes([flags]) + numbers[::2] + numbers[1::2], 6)
    return b64encode(packed).decode()


def unpack_tokens(packed: str, count: int) -> tuple[bytes, dict[str, bytes]]:
    """What `pack_tokens` was given. Raises ValueError unless it is of `count` tokens."""
    most = 1 + 2 * count * (1 + len(TOKEN_STEPS))
    try:
        plain = zlib.decompressobj().decompress(b64decode(packed, validate=True), most + 1)
    except (zlib.error, binascii.Error) as error:
        raise ValueError(f"tokens cannot be unpacked: {error}") from error
    names = [name for place, name in enumerate(TOKEN_STEPS) if plain[:1] and plain[0] >> place & 1]
    if len(plain) != 1 + 2 * count * (1 + len(names)):
        raise ValueError(f"tokens has {len(plain)} bytes, which are not {count} tokens")
    size, half = 2 * count, 1 + count * (1 + len(names))
    numbers = bytearray(len(plain) - 1)
    numbers[::2], numbers[1::2] = plain[1:half], plain[half:]
    parts = [bytes(numbers[place * size : (place + 1) * size]) for place in range(1 + len(names))]
    return parts[0], dict(zip(names, parts[1:], strict=True))
