"""How much of everything, and when each of it happens."""

from dataclasses import dataclass
from pathlib import Path

STEP_S = 0.5
ROLLOUTS_EVERY = 20
"""Steps: one with rollouts each ten seconds."""
GROUPS, GROUP_SIZE = 8, 8
LIST_SHARE = 10
"""One browser of so many shows the list of runs, the others a run each."""
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Size:
    seconds: int
    trainers: int
    browsers: int
    requests: float
    """REST requests a second."""

    @property
    def steps(self) -> int:
        return int(self.seconds / STEP_S)

    @property
    def opening_s(self) -> float:
        """How long everything may take to be there, on a machine with two cores."""
        return PATIENCE_S + 4 * self.trainers + 0.5 * self.browsers


@dataclass(frozen=True)
class Plan:
    """What each process of the load is told."""

    size: Size
    home: Path
    port: int
    session: str
    """Session key of the one user, who is signed in."""
    runs: list[int]

    def folder(self, run: int) -> Path:
        return self.home / "runs" / f"run-{run:06d}"


def has_rollouts(trainer: int, step: int) -> bool:
    """The trainers take turns, so that rollouts come evenly."""
    return (step + trainer) % ROLLOUTS_EVERY == 0


def newest_rollouts(trainer: int, elapsed: float) -> int:
    """The newest step with rollouts, so many seconds after the first step; 0 if there is none."""
    step = int(elapsed / STEP_S)
    return max(0, step - (step + trainer) % ROLLOUTS_EVERY)
