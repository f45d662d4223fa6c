"""Stands in for `python -m training launch`: real processes and a real journal, no model.

The environment variable FAKE_TRAINER names what happens to it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

STEPS = 5
HANGS_AFTER_S = 4.0
"""A rank that has written nothing for so long is ended by its launcher."""


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_bytes().splitlines() if path.exists() else []
        self.seq = len([line for line in lines if line.startswith(b'{"seq"') and line[-1:] == b"}"])
        if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n"):
            self.raw(b"\n")

    def raw(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def write(self, type_: str, step: int, **fields: Any) -> None:
        self.seq += 1
        record = {"seq": self.seq, "time": time.time(), "step": step, "type": type_, **fields}
        self.raw(json.dumps(record).encode() + b"\n")


def started(journal: Journal, start_step: int) -> None:
    journal.write(
        "started",
        start_step,
        start_step=start_step,
        total_steps=STEPS,
        processes=1,
        device="cpu",
        dtype="fp32",
        parameters=1,
        versions={},
    )


def step(journal: Journal, number: int) -> None:
    completion = {"length": 3, "finish_reason": "stop", "logprob_mean": -0.5}
    journal.write(
        "rollouts",
        number,
        group=0,
        policy_version=number - 1,
        prompt="User: 1 + 1",
        question="1 + 1",
        answer="2",
        completions=[
            {**completion, "text": "2", "reward": 1.0, "rewards": {"accuracy": 1}, "advantage": 1},
            {**completion, "text": "3", "reward": 0.0, "rewards": {"accuracy": 0}, "advantage": -1},
        ],
    )
    journal.write("metrics", number, values={"reward/mean": number / 10, "optim/loss": "NaN"})


def checkpoint(folder: Path, journal: Journal, number: int, reason: str) -> None:
    path = f"checkpoints/step-{number:06d}"
    (folder / path).mkdir(parents=True, exist_ok=True)
    journal.write("checkpoint", number, path=path, bytes=10, reason=reason, removed=[])


def wait_for_stop(folder: Path, journal: Journal) -> int:
    """Hold still until SIGTERM, then save and say so."""

    def stop(_: int, __: FrameType | None) -> None:
        checkpoint(folder, journal, 1, "stop")
        journal.write("finished", 1, outcome="stopped", reason="Stopped at step 1.")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    step(journal, 1)
    while True:
        signal.pause()


def lead(journal: Path) -> int:
    """Start a rank as a process of its own, end it when it hangs, and report how it ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the group is signalled: the rank saves
    rank = subprocess.Popen([sys.executable, *sys.argv, "--rank"])
    size, moved = -1, time.monotonic()
    while (code := rank.poll()) is None:
        if (present := journal.stat().st_size if journal.exists() else 0) != size:
            size, moved = present, time.monotonic()
        if time.monotonic() - moved > HANGS_AFTER_S:
            sys.stderr.write(f"TimeoutError: rank 0 was silent for {HANGS_AFTER_S} s\n")
            rank.kill()
        time.sleep(0.05)
    if code:
        sys.stderr.write(f"rank 0 exits with return code = {code}\n")
    return 1 if code else 0


def train_slowly(folder: Path, journal: Journal, start_step: int) -> int:
    """As many steps as the run's config says, a checkpoint after every other."""
    config = json.loads((folder / "config.json").read_text())
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked_to_stop.append(number))
    steps = config["grpo"]["steps"]
    for number in range(start_step + 1, steps + 1):
        step(journal, number)
        time.sleep(0.2)  # a step takes a while, so that something can break amid it
        if number % 2 == 0 or number == steps or asked_to_stop:
            checkpoint(folder, journal, number, "stop" if asked_to_stop else "schedule")
        if asked_to_stop:
            journal.write("finished", number, outcome="stopped", reason=f"At step {number}.")
            return 0
    journal.write("finished", steps, outcome="finished", reason=f"All {steps} steps done.")
    return 0


def save_and_die(folder: Path, journal: Journal) -> int:
    for number in (1, 2):
        step(journal, number)
        checkpoint(folder, journal, number, "schedule")
    return die(signal.SIGSEGV)


def die(number: signal.Signals) -> int:
    os.kill(os.getpid(), number)
    return 1


def take_a_step_and_die(_: Path, journal: Journal) -> int:
    step(journal, 1)
    return die(signal.SIGKILL)


def tear(_: Path, journal: Journal) -> int:
    step(journal, 1)
    journal.raw(b"not json at all\n")
    step(journal, 2)
    journal.raw(b'{"seq": 99, "time"')
    return 1


def ask_for_too_much(_: Path, __: Journal) -> int:
    return len(bytearray(1 << 60))  # more than any machine has


def take_all_memory(_: Path, journal: Journal) -> int:
    step(journal, 1)
    taken = []
    while True:
        taken.append(b"x" * (1 << 20))


def complain(_: Path, __: Journal) -> int:
    sys.stderr.write("something went wrong\n")
    return 3


def hear_nothing(_: Path, journal: Journal) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    step(journal, 1)
    while True:
        signal.pause()


def leave_a_child(folder: Path, _: Journal) -> int:
    wait = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", wait])
    (folder / "child.pid").write_text(str(child.pid))
    return 1


def lose_a_peer(_: Path, journal: Journal) -> int:
    reason = "RuntimeError: Connection closed by peer."
    journal.write("finished", 0, outcome="failed", reason=reason)
    return 1


STORIES = {
    "lost-peer": lose_a_peer,
    "torn": tear,
    "memory": ask_for_too_much,
    "greedy": take_all_memory,
    "exit3": complain,
    "killed": take_a_step_and_die,
    "saves-dies": save_and_die,
    "stubborn": hear_nothing,
    "leaves-child": leave_a_child,
    "wait": wait_for_stop,
}
"""Those that do not come to the last step."""


def train(folder: Path, journal: Journal, start_step: int, *, pause: bool) -> int:
    """The steps that are left; with `pause`, the second waits for the file go-on."""
    for number in range(start_step + 1, STEPS + 1):
        step(journal, number)
        while pause and not (folder / "go-on").exists():
            time.sleep(0.02)
    checkpoint(folder, journal, STEPS, "final")
    journal.write("finished", STEPS, outcome="finished", reason=f"All {STEPS} steps done.")
    return 0


def follow(story: str, journal: Path) -> int:
    """What the ranks of a further node do: no journal of their own."""
    if story == "exit3":
        sys.stderr.write("something went wrong\n")
        return 3
    if story == "lost-peer":
        raise RuntimeError("Connection closed by peer")
    if story == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while story == "stubborn" or b'"finished"' not in journal.read_bytes():
        time.sleep(0.02)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path)
    parser.add_argument("--resume")
    parser.add_argument("--rank", action="store_true")
    parser.add_argument("--node-rank", type=int, default=0)
    for name in ("--nodes", "--node-names", "--master-addr", "--master-port"):
        parser.add_argument(name)
    given = parser.parse_args()
    start_step = 0 if given.resume == "none" else int(given.resume)
    story = os.environ.get("FAKE_TRAINER", "finish")
    if given.node_rank:
        return follow(story, given.run_dir / "events.jsonl")
    if story == "slow" and not given.rank:
        return lead(given.run_dir / "events.jsonl")
    journal = Journal(given.run_dir / "events.jsonl")
    if story == "cannot-load":
        journal.write("finished", 0, outcome="failed", reason="The checkpoint is damaged.")
        return 1
    started(journal, start_step)
    if story == "slow":
        return train_slowly(given.run_dir, journal, start_step)
    if story in STORIES:
        return STORIES[story](given.run_dir, journal)
    return train(given.run_dir, journal, start_step, pause=story == "pause")


if __name__ == "__main__":
    sys.exit(main())
