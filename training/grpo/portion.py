"""Which completions of a step are this rank's.

With no more ranks than prompts a rank writes whole groups. With more of them, as many neighbouring
ranks as there are for each prompt write its group together: a team, each of which takes some of the
members.

P prompts of a step, G completions of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from training.config import GrpoConfig


@dataclass(frozen=True)
class Portion:
    """One rank's, the same in every step."""

    team: int
    """Which of the teams it is in; with no more ranks than prompts each rank is one."""
    teams: int
    team_size: int
    prompts: range
    """Places in the step."""
    members: range
    """Of each of these prompts' groups."""
    shape: tuple[int, int]
    """P and G."""

    @classmethod
    def of(cls, grpo: GrpoConfig, rank: int, world_size: int) -> Portion:
        """Of a config that was checked for so many processes."""
        team_size = max(1, world_size // grpo.prompts_per_step)
        (team, place), teams = divmod(rank, team_size), world_size // team_size
        prompts, members = grpo.prompts_per_step // teams, grpo.group_size // team_size
        return cls(
            team, teams, team_size,
            prompts=range(team * prompts, (team + 1) * prompts),
            members=range(place * members, (place + 1) * members),
            shape=(grpo.prompts_per_step, grpo.group_size),
        )  # fmt: skip

    def whole(self, mine: Tensor, sum_ranks: Callable[[Tensor], Tensor]) -> Tensor:
        """A number for each completion of the step [P, G] from `mine`, those of this rank's.
        `sum_ranks` adds a tensor up over the ranks; all call it together."""
        whole_PG = mine.new_zeros(self.shape)
        whole_PG[self._rows, self._columns] = mine
        return sum_ranks(whole_PG)

    def own(self, whole_PG: Tensor) -> Tensor:
        """This rank's part of it."""
        return whole_PG[self._rows, self._columns]

    @property
    def _rows(self) -> slice:
        return slice(self.prompts.start, self.prompts.stop)

    @property
    def _columns(self) -> slice:
        return slice(self.members.start, self.members.stop)
