"""Expert parallelism: each rank of a group holds a part of the routed experts and computes them
for the tokens of all ranks of the group.

The model does not know, as with FP8: `share_out` leaves this rank's slice in its layers and lets
them send rows to the owners of their experts and fetch what these make of them. Ranks of one group
are neighbours; those that hold the same slice, one of each group, average its gradients.

N tokens, K experts of each, A = N*K assignments, R rows received, D hidden size, E experts held
here.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from training.model.experts import Experts
from training.model.fp8 import Fp8Experts

WEIGHTS = ("gate_up_EDJ", "down_EID")


class ExpertParallelError(ValueError):
    """The model's experts cannot be shared out; the message names the config field."""


class _Exchange(torch.autograd.Function):
    """Rows to other ranks; their gradients come back the same way."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, sent: list[int], received: list[int], group: dist.ProcessGroup
    ) -> Tensor:
        ctx.way_back = (received, sent, group)
        return _exchange(rows, sent, received, group)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return _exchange(grads[0], *ctx.way_back), None, None, None


def _exchange(
    rows: Tensor, sent: list[int], received: list[int], group: dist.ProcessGroup
) -> Tensor:
    """The first `sent[0]` rows go to the group's rank 0, and so on; returns what came in."""
    out = rows.new_empty((sum(received), *rows.shape[1:]))
    dist.all_to_all_single(out, rows.contiguous(), received, sent, group=group)
    return out


class _Dispatched(Experts):
    """Experts of which this rank holds a slice, in `gate_up_EDJ` and `down_EID`."""

    group: dist.ProcessGroup

    def routed(self, x_ND: Tensor, experts_NK: Tensor, gates_NK: Tensor) -> Tensor:
        held, choices = len(self.down_EID), experts_NK.shape[1]
        owners_A = experts_NK.flatten() // held
        order_A = owners_A.argsort(stable=True)
        sent, received = self._counts(owners_A)

        def send(rows: Tensor) -> Tensor:
            moved: Tensor = _Exchange.apply(rows, sent, received, self.group)
            return moved

        x_RD = send(x_ND.index_select(0, order_A // choices))
        gates_R1 = send(gates_NK.reshape(-1, 1)[order_A])
        experts_R1 = send((experts_NK % held).reshape(-1, 1)[order_A])
        if not len(x_RD):  # a row without weight, so that this rank answers like all others
            x_RD, gates_R1, experts_R1 = (
                F.pad(r, (0, 0, 0, 1)) for r in (x_RD, gates_R1, experts_R1)
            )
        y_RD = super().routed(x_RD, experts_R1, gates_R1)[: sum(received)]
        y_AD: Tensor = _Exchange.apply(y_RD, received, sent, self.group)
        y_NKD = y_AD.index_select(0, order_A.argsort()).unflatten(0, (-1, choices))
        return functools.reduce(torch.add, y_NKD.unbind(1))

    def _counts(self, owners_A: Tensor) -> tuple[list[int], list[int]]:
        """How many rows go to each rank of the group, and how many come from each."""
        sent_P = torch.bincount(owners_A, minlength=self.group.size())
        received_P = torch.empty_like(sent_P)
        dist.all_to_all_single(received_P, sent_P, group=self.group)
        return sent_P.tolist(), received_P.tolist()


class _DispatchedFp8(_Dispatched, Fp8Experts):
    pass


_DISPATCHED = {Experts: _Dispatched, Fp8Experts: _DispatchedFp8}


def group_name(degree: int) -> str:
    """DeepSpeed's name for the groups of `degree` ranks."""
    return f"ep_size_{degree}"


def share_out(model: nn.Module, degree: int, rank: int) -> None:
    """Keep of each layer's experts the slice of this rank, in place; `join` must follow.

    Raises ExpertParallelError for experts that cannot be shared out evenly, and for a model that
    is not ours.
    """
    layers = _layers(model)
    if not layers:
        raise ExpertParallelError(
            "hardware.expert_parallel: this model has no experts of DeepSeek's architecture to "
            "share out; set it to 1."
        )
    for layer in layers:
        _take_slice(layer, degree, rank % degree)


def _take_slice(layer: Experts, degree: int, place: int) -> None:
    experts = len(layer.down_EID)
    if experts % degree:
        raise ExpertParallelError(
            f"hardware.expert_parallel: the model's {experts} experts do not divide over {degree} "
            "processes; take a divisor."
        )
    layer.__class__ = _DISPATCHED[type(layer)]
    for name in WEIGHTS:
        whole = getattr(layer, name)
        mine = nn.Parameter(whole.detach().chunk(degree)[place].clone())
        # What DeepSpeed knows such a parameter by.
        mine.allreduce, mine.group_name = False, group_name(degree)
        setattr(layer, name, mine)


def join(model: nn.Module, group: dist.ProcessGroup) -> None:
    """Tell the layers which ranks they exchange rows with."""
    for layer in _layers(model):
        layer.group = group


def is_shared_out(parameter: nn.Parameter) -> bool:
    return not getattr(parameter, "allreduce", True)


def optimizer_groups(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    """The optimiser's groups: what all ranks share, and the experts held here, if any."""
    common = [parameter for parameter in parameters if not is_shared_out(parameter)]
    held = [parameter for parameter in parameters if is_shared_out(parameter)]
    groups: list[dict[str, Any]] = [{"params": common}]
    if held:
        groups.append({"params": held, "moe": True, "name": held[0].group_name})
    return groups


def gather(model: nn.Module, whole: nn.Module) -> None:
    """Fill the experts of `whole` with the slices of all ranks of the group."""
    for layer, copy in zip(_layers(model), _layers(whole), strict=True):
        for name in WEIGHTS if isinstance(layer, _Dispatched) else ():
            slices = list(getattr(copy, name).chunk(layer.group.size()))
            dist.all_gather(slices, getattr(layer, name), group=layer.group)


def _layers(model: nn.Module) -> list[Experts]:
    return [module for module in model.modules() if isinstance(module, Experts)]
