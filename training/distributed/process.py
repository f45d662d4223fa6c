"""This process among the others of its job: rank, device, and what all ranks tell each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor

from training.distributed.rendezvous import meet
from training.events import Phase

Enter = Callable[[Phase, int], None]
"""Takes note that this rank begins a phase of a step."""


class DeviceError(ValueError):
    """This machine lacks the devices that the job asks for; the message names the config field."""


class Process:
    """Joins the job on construction; `close` leaves it. Raises DeviceError and JoinError.

    Rank and world size are the launcher's (RANK, WORLD_SIZE, MASTER_ADDR, …); without a launcher
    the process is a job of its own and opens no port.
    """

    def __init__(
        self,
        device: Literal["auto", "cpu", "cuda"],
        enter: Enter = lambda _phase, _step: None,
        join_s: float = 300,
    ) -> None:
        """`join_s`: how long to wait for the other ranks, seconds."""
        self.enter = enter
        """To be told at the begin of each phase, on every rank."""
        self.rank = int(os.environ.get("RANK", "0"))
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))
        self._teams: dict[int, dist.ProcessGroup] = {}
        cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        local_rank = int(os.environ.setdefault("LOCAL_RANK", "0"))  # DeepSpeed insists on it
        self.device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
        if cuda:
            _check_gpus(local_rank)
            torch.cuda.set_device(self.device)
        backend = "nccl" if cuda else "gloo"
        if self.world_size == 1:
            dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        else:
            store = meet(self.rank, self.world_size, join_s)
            dist.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.world_size
            )

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum of a tensor over all ranks, on all of them; `values` itself stays as it is."""
        total = values.to(self.device, copy=True)
        if self.world_size > 1:
            dist.all_reduce(total)
        return total.to(values.device)

    def max(self, values: Tensor) -> Tensor:
        """Element by element the largest over all ranks, on all of them."""
        most = values.to(self.device, copy=True)
        if self.world_size > 1:
            dist.all_reduce(most, dist.ReduceOp.MAX)
        return most.to(values.device)

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true on at least one rank; all ranks get the same answer."""
        return bool(self.sum(torch.tensor([float(flag)])).item() > 0)

    def gather(self, items: Sequence[Any]) -> list[Any]:
        """All ranks' items on rank 0, in the order of the ranks; nothing elsewhere."""
        return self.gather_in_team(items, self.world_size)

    def gather_in_team(self, items: Sequence[Any], size: int) -> list[Any]:
        """The items of `size` neighbouring ranks on the first of them, in their order; nothing
        elsewhere. `size` divides the number of ranks."""
        if size == 1:
            return list(items)
        first = self.rank - self.rank % size
        everyone: list[Any] | None = [None] * size if self.rank == first else None
        dist.gather_object(list(items), everyone, dst=first, group=self._team(first, size))
        return [item for part in everyone or [] for item in part]

    def share(self, items: Sequence[Any]) -> list[Any]:
        """All ranks' items on all ranks, in the order of the ranks."""
        if self.world_size == 1:
            return list(items)
        everyone: list[Any] = [None] * self.world_size
        dist.all_gather_object(everyone, list(items))
        return [item for part in everyone for item in part]

    def _team(self, first: int, size: int) -> dist.ProcessGroup | None:
        """None: all ranks. Only its own ranks have to ask for one."""
        if size == self.world_size:
            return None
        if size not in self._teams:
            ranks = list(range(first, first + size))
            self._teams[size] = dist.new_group(ranks, use_local_synchronization=True)
        return self._teams[size]

    def barrier(self) -> None:
        if self.world_size > 1:
            dist.barrier()

    def close(self) -> None:
        dist.destroy_process_group()


def _check_gpus(local_rank: int) -> None:
    """Whether this node has a GPU for each of its processes, whose number the launcher tells in
    LOCAL_SIZE: all of them find the same, and none waits for the others."""
    if not torch.cuda.is_available():
        raise DeviceError("hardware.device: cuda, but this machine has no GPU: set auto or cpu.")
    needed = max(local_rank + 1, int(os.environ.get("LOCAL_SIZE", "1")))
    found = torch.cuda.device_count()
    if needed > found:
        raise DeviceError(
            f"hardware.processes: {needed} of them are on this machine, which has "
            f"{found} GPU{'s' if found > 1 else ''} for them: ask for fewer, or set "
            "hardware.device to cpu."
        )
