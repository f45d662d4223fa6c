"""Looks whether the ranks of a job get on, and ends the job when one does not.

Called as: python -m training.distributed.monitor RUN_DIR LIMIT_S RANK RANKS

A process of its own beside the first rank of each machine, which is RANK. It ends with its standard
input, that is with the rank. When a rank has been in one phase for longer than LIMIT_S seconds, it
has the stacks of this machine's ranks written into the log and kills them; beside rank 0, it also
writes the journal's last lines, while rank 0 is stopped.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

import psutil

from training.distributed import phases
from training.distributed.phases import Beat
from training.distributed.watchdog import STACK_SIGNAL
from training.journal import Journal

LOOKS = 20
"""How often to look within the limit, at most once a second."""
DUMP_S = 10.0
"""How long a rank may take to write its stacks; a moment is usual."""
WRITTEN_S = 0.5
"""Stacks that have not grown for so long are whole: on a busy machine a rank may have to wait for
its turn amid them."""
COLLECTIVE = "/torch/distributed/"
"""What the stack of a rank that waits for others has in it."""
STACK_CHARACTERS = 20_000
"""What the journal takes of one; the log has all."""


class Patience:
    """How long each rank has been in its phase, while somebody looked: a machine that sleeps, or a
    job that a person has stopped, is nobody's fault."""

    def __init__(self, run_dir: Path, ranks: int) -> None:
        self._run_dir, self._ranks = run_dir, ranks
        self._known: dict[int, Beat] = {}
        self._waited_s: dict[int, float] = {}

    def look(self, passed_s: float) -> tuple[float, list[Beat]]:
        """How long the most patient has waited, and the ranks in the phase in which that is."""
        for rank in range(self._ranks):
            beat = phases.read(self._run_dir, rank)
            if beat is None or beat.error is not None:
                self._waited_s.pop(rank, None)
            elif beat != self._known.get(rank):
                # One from another machine may be an earlier attempt's, until it changes.
                fresh = beat.here or rank in self._known
                self._known[rank] = beat
                if fresh:
                    self._waited_s[rank] = 0.0
            elif rank in self._waited_s:
                self._waited_s[rank] += passed_s
        if not self._waited_s:
            return 0.0, []
        longest = max(self._waited_s, key=lambda rank: self._waited_s[rank])
        first = self._known[longest]
        beats = [self._known[rank] for rank in sorted(self._waited_s)]
        alike = [beat for beat in beats if (beat.step, beat.phase) == (first.step, first.phase)]
        return self._waited_s[longest], alike

    def here(self) -> list[Beat]:
        """The ranks of this machine."""
        return [beat for beat in self._known.values() if beat.here and not beat.dead]


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # they are the ranks', which may take time to stop
    run_dir, limit_s, rank, ranks = Path(sys.argv[1]), *map(int, sys.argv[2:])
    patience, pause_s = Patience(run_dir, ranks), min(1.0, limit_s / LOOKS)
    before = time.monotonic()
    while not select.select([sys.stdin], [], [], pause_s)[0]:
        now = time.monotonic()
        waited_s, stuck = patience.look(min(now - before, 2 * pause_s))
        before = now
        if waited_s > limit_s:
            end(run_dir, patience.here(), stuck, limit_s, is_main=rank == 0)
            return


def end(run_dir: Path, here: list[Beat], stuck: list[Beat], limit_s: int, *, is_main: bool) -> None:
    """Write down why and end all ranks of this machine."""
    stacks = stop_and_ask(run_dir, here)
    stuck = _not_waiting(stuck, stacks)
    reason = f"{_names(stuck)} been in “{stuck[0].phase}” for {limit_s} s"
    for beat in here:
        sys.stderr.write(f"\nRank {beat.rank}, in “{beat.phase}”:\n{stacks[beat.rank]}")
    sys.stderr.write(f"\n{reason}.\n")
    sys.stderr.flush()
    if is_main:
        told = "\n".join(
            f"Rank {beat.rank}:\n{stacks.get(beat.rank, '')[:STACK_CHARACTERS]}" for beat in stuck
        )
        journal, step = Journal.go_on(run_dir, "grpo"), stuck[0].step
        message = f"{reason}, longer than hardware.watchdog_s allows.\n{told}"
        journal.write("log", step, level="error", message=message)
        whose = "its stack is" if len(stuck) == 1 else "their stacks are"
        journal.write("finished", step, outcome="failed", reason=f"{reason}: {whose} in the log.")
    for beat in here:
        kill(beat)


def _not_waiting(stuck: list[Beat], stacks: dict[int, str]) -> list[Beat]:
    """Those that do not wait for others amid a collective call; all, when that tells nothing."""
    told = [beat for beat in stuck if stacks.get(beat.rank)]
    return [beat for beat in told if COLLECTIVE not in stacks[beat.rank]] or stuck


def _names(stuck: list[Beat]) -> str:
    if len(stuck) == 1:
        return f"Rank {stuck[0].rank} has"
    *most, last = (str(beat.rank) for beat in stuck)
    return f"Ranks {', '.join(most)} and {last} have"


def stop_and_ask(run_dir: Path, beats: list[Beat]) -> dict[int, str]:
    """What each rank's threads are at, after which it is stopped.

    One is woken at a time, rank 0 first, so that none gets on meanwhile: not even the one that hung
    only because somebody had stopped it. From then on nobody else writes the journal.
    """
    for beat in beats:
        _signal(beat, signal.SIGSTOP)
    found = {}
    for beat in sorted(beats, key=lambda each: each.rank):
        _signal(
            beat, signal.SIGCONT
        )  # before: Linux gives a stopped process's signal to any thread
        _signal(beat, STACK_SIGNAL)
        found[beat.rank] = _wait_stack(run_dir, beat.rank)
        _signal(beat, signal.SIGSTOP)
    return found


def _wait_stack(run_dir: Path, rank: int) -> str:
    """Once it grows no more; empty for a rank that gives none."""
    grown_at = time.monotonic()
    deadline, found = grown_at + DUMP_S, ""
    while (now := time.monotonic()) < deadline and not (found and now - grown_at > WRITTEN_S):
        before, found = found, _stack(run_dir, rank)
        if found != before:
            grown_at = now
        time.sleep(0.05)  # a stopped rank has no event to wait for
    return found


def _stack(run_dir: Path, rank: int) -> str:
    try:
        return phases.stack_path(run_dir, rank).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def kill(beat: Beat) -> None:
    """The rank and all that it has started, but not this process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        rank = psutil.Process(beat.pid)
        for process in [*rank.children(recursive=True), rank]:
            if process.pid != os.getpid():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


def _signal(beat: Beat, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(beat.pid, number)


if __name__ == "__main__":
    main()
