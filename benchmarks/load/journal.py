"""The lines of a simulated trainer's journal, rendered beforehand but for their first fields."""

import json
import random
import re

from benchmarks.load.plan import GROUP_SIZE, GROUPS
from training.events import parse_line

HEAD = b'{"seq":%d,"time":%.6f,"stage":"grpo","step":%d,"type":"%b",%b'
OF_HEAD = re.compile(rb'{"seq":(\d+),"time":([\d.]+),"stage":"grpo","step":(\d+),"type":"(\w+)"')
METRICS = 50
FIRST_METRICS = ("reward/mean", "optim/loss", "optim/grad_norm", "kl/mean", "entropy/mean",
                 "completion/length_mean", "time/step_s", "perf/tokens_per_s")  # fmt: skip
VARIANTS = 64
WORDS = (
    "so",
    "we",
    "add",
    "the",
    "two",
    "numbers",
    "then",
    "check",
    "that",
    "each",
    "gives",
    "total",
)


class Journal:
    """The next lines of one run."""

    def __init__(self, seed: int) -> None:
        self.seq = 0
        self.variant = seed

    def line(self, time: float, step: int, kind: bytes, tail: bytes) -> bytes:
        self.seq += 1
        return HEAD % (self.seq, time, step, kind, tail)

    def started(self, time: float, steps: int) -> bytes:
        return self.line(time, 0, b"phase", b'"phase":"loading"}\n') + self.line(
            time,
            0,
            b"started",
            b'"start_step":0,"total_steps":%d,"processes":1,"device":"cpu","dtype":"fp32",'
            b'"parameters":1000000,"versions":{"torch":"2"}}\n' % steps,
        )

    def step(self, time: float, step: int, *, rollouts: bool) -> bytes:
        self.variant += 1
        told = b""
        if rollouts:
            told += self.line(time, step, b"phase", b'"phase":"sampling"}\n')
            told += b"".join(self._group(time, step, group) for group in range(GROUPS))
            told += self.line(time, step, b"phase", b'"phase":"training"}\n')
        return told + self.line(time, step, b"metrics", METRIC_TAILS[self.variant % VARIANTS])

    def _group(self, time: float, step: int, group: int) -> bytes:
        place = b'"group":%d,"policy_version":%d,' % (group, step - 1)
        tail = GROUP_TAILS[(self.variant + group) % VARIANTS]
        return self.line(time, step, b"rollouts", place + tail)

    def finished(self, time: float, step: int) -> bytes:
        return self.line(
            time, step, b"finished", b'"outcome":"finished","reason":"All steps done."}\n'
        )


def _metric_tail(rng: random.Random) -> bytes:
    names = [*FIRST_METRICS, *(f"load/metric_{n:02d}" for n in range(METRICS))][:METRICS]
    values = {name: rng.uniform(0.2, 0.8) for name in names}
    return b'"values":' + json.dumps(values, separators=(",", ":")).encode() + b"}\n"


def _group_tail(rng: random.Random) -> bytes:
    completions = [_completion(rng) for _ in range(GROUP_SIZE)]
    asked = "Make 24 of 3, 3, 8 and 8, each of them used once."
    fields = {"prompt": f"User: {asked} Assistant: <think>", "question": asked, "answer": "24"}
    text = json.dumps({**fields, "completions": completions}, separators=(",", ":"))
    return text[1:].encode() + b"\n"


def _completion(rng: random.Random) -> dict[str, object]:
    """A chain of thought of 100 to 300 words, 400 to 1,300 characters."""
    length = rng.randint(100, 300)
    right = rng.random() < 0.5
    return {
        "text": f"{' '.join(rng.choices(WORDS, k=length))}</think><answer>24</answer>",
        "reward": float(right),
        "rewards": {"accuracy": float(right), "format": 1.0},
        "advantage": 1.0 if right else -1.0,
        "length": length,
        "finish_reason": "stop",
        "logprob_mean": -rng.random(),
    }


def _tails() -> tuple[list[bytes], list[bytes]]:
    rng = random.Random(1)  # noqa: S311 - a workload, not a secret
    return (
        [_metric_tail(rng) for _ in range(VARIANTS)],
        [_group_tail(rng) for _ in range(VARIANTS)],
    )


METRIC_TAILS, GROUP_TAILS = _tails()


def check() -> None:
    """Raise unless the trainer's own reader takes what is written here."""
    journal = Journal(0)
    told = journal.started(1.0, 1) + journal.step(1.0, 1, rollouts=True) + journal.finished(1.0, 1)
    for line in told.splitlines():
        parse_line(line)
