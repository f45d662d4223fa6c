"""What a trainer's end means: the state the run ends in, and why, in a sentence."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from r1web.runs.models import State

LOG_BYTES = 64 * 1024
LOG_LINES = 20

EXCEPTION = re.compile(
    r"^(?:\[rank\d+\]: ?)?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning))"
    r"(?::\s*(.*))?$"
)
RANK_EXIT = re.compile(r"exits with return code = (-?\d+)")
"""How DeepSpeed's launcher reports the rank that brought the others down."""
OUT_OF_MEMORY = re.compile(
    r"MemoryError|OutOfMemoryError|bad_alloc|[Oo]ut of memory|can't allocate"
)
FROM_ELSEWHERE = re.compile(
    r"[Cc]onnection (?:was likely )?(?:closed|reset)|Broken pipe|Timed out waiting|ncclRemoteError"
    r"|did not join|did not meet"
)
"""How a rank says that it lost another, which has its own reason."""


NOT_SAVED = "Stopped before it could save, so it goes on from its last checkpoint."


@dataclass(frozen=True)
class Facts:
    """What is known when no process of the group is left."""

    exit_code: int | None
    """Of the launcher; negative: a signal. None: another supervisor had started it."""
    finished: dict[str, str] | None
    """The journal's last word, when there is one: outcome and reason."""
    stop_asked: bool
    killed_after_s: float | None
    """Grace after which it was killed, when it did not stop by itself."""
    oom_kills: int
    """Processes that the kernel killed for memory meanwhile."""
    log: str
    """The end of trainer.log."""


@dataclass(frozen=True)
class Ending:
    outcome: State
    reason: str


@dataclass(frozen=True)
class Told:
    """How another node's part of the attempt has failed."""

    where: str
    reason: str
    log: str


def is_from_elsewhere(reason: str) -> bool:
    return FROM_ELSEWHERE.search(reason) is not None


def blame(end: Ending, others: Sequence[Told], *, first: bool) -> Told | None:
    """Who has the true reason, when this end only followed from it; `first`: one ended before."""
    if end.outcome != State.FAILED or not (first or is_from_elsewhere(end.reason)):
        return None
    return next((told for told in others if not is_from_elsewhere(told.reason)), None)


def explain(facts: Facts) -> Ending:
    if facts.finished is not None:
        return Ending(State(facts.finished["outcome"]), _journal_reason(facts))
    if facts.stop_asked:
        return Ending(State.STOPPED, _stopped_reason(facts))
    return Ending(State.FAILED, _crash_reason(facts))


def _journal_reason(facts: Facts) -> str:
    assert facts.finished is not None  # noqa: S101 - explain() has looked
    reason = facts.finished["reason"]
    if facts.finished["outcome"] == "failed" and facts.exit_code:
        return f"{reason.rstrip('.')} ({_exit(facts.exit_code)})."
    return reason


def _stopped_reason(facts: Facts) -> str:
    if facts.killed_after_s is not None:
        return (
            f"Stopped: it did not save within {facts.killed_after_s:.0f} s and was killed, "
            "so it goes on from its last checkpoint."
        )
    return NOT_SAVED


def _crash_reason(facts: Facts) -> str:
    code = _telling_code(facts)
    exception = last_exception(facts.log)
    if _killed(code) and facts.oom_kills:
        return f"The trainer was killed because the machine ran out of memory ({_exit(code)})."
    if exception is not None and OUT_OF_MEMORY.search(exception):
        return f"The trainer ran out of memory ({_exit(code)}): {exception}."
    if exception is not None:
        return f"The trainer crashed ({_exit(code)}): {exception}."
    if OUT_OF_MEMORY.search(facts.log):
        return f"The trainer ran out of memory ({_exit(code)})."
    if code is not None and code != 0:
        return f"The trainer ended without a word ({_exit(code)})."
    return f"The trainer ended without finishing its journal ({_exit(code)})."


def _telling_code(facts: Facts) -> int | None:
    """The rank's exit code where the launcher reports one: its own only says that one failed."""
    reported = RANK_EXIT.findall(facts.log)
    if reported and facts.exit_code:
        return int(reported[0])
    return facts.exit_code


def _killed(code: int | None) -> bool:
    return code is not None and signal_name(code) == "SIGKILL"


def _exit(code: int | None) -> str:
    if code is None:
        return "exit code unknown, since its supervisor had been restarted"
    name = signal_name(code)
    return f"killed by {name}" if name else f"exit code {code}"


def signal_name(code: int) -> str | None:
    """Name of the signal that an exit code stands for: -9, or 137 as shells say it."""
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number).name if number > 0 else None
    except ValueError:
        return None


def last_exception(log: str) -> str | None:
    """The last line of the last traceback: the exception with its message."""
    for line in reversed(log.splitlines()):
        found = EXCEPTION.match(line.strip())
        if found and found[1] not in {"SystemExit", "KeyboardInterrupt"}:
            message = (found[2] or "").strip().rstrip(".")
            return f"{found[1]}: {message}"[:300] if message else found[1]
    return None


def log_end(path: Path, from_byte: int = 0) -> str:
    """The end of the log, nothing from before `from_byte` (an earlier attempt's)."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(from_byte, size - LOG_BYTES))
            return file.read().decode("utf-8", errors="replace").replace("\0", "\ufffd")
    except FileNotFoundError:
        return ""


def last_lines(log: str) -> str:
    return "\n".join(log.rstrip().splitlines()[-LOG_LINES:])
