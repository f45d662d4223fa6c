"""Cases of the training step: norm, activation, attention, experts, head, optimiser.

Shapes: N tokens, D hidden size, I expert width, E experts, K per token, V vocabulary, T time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.adamw import adamw_step, adamw_step_ref
from kernels.bench.case import BF16, Case, Problem, Run, difference, gradients, random
from kernels.causal_attention import causal_attention, causal_attention_ref
from kernels.grouped_experts import grouped_experts
from kernels.linear_logprob import linear_logprob, linear_logprob_ref
from kernels.moe_decode import moe_decode_ref
from kernels.rms_norm import rms_norm, rms_norm_ref
from kernels.swiglu import swiglu, swiglu_ref

EPS = 1e-6
PIECE = 512
"""Rows of the head that are computed at once in float64."""


def cases(device: torch.device) -> Iterator[Case]:
    if device.type != "cuda":
        yield from norm_cases(64, 96)
        yield from swiglu_cases(64, 48)
        yield from attention_cases(4, 32, 24, 16)
        yield from experts_cases(32, 64, 32, 4, 2)
        yield from logprob_cases(32, 64, 500)
        yield from (adamw_case(1 << 12, dtype) for dtype in (torch.bfloat16, torch.float32))
        return
    for dim in (2048, 7168):
        yield from norm_cases(16384, dim)
    yield from swiglu_cases(16384, 2 * 1408)
    yield from swiglu_cases(8192, 18432)
    yield from attention_cases(16 * 8, 2048, 192, 128)
    yield from experts_cases(16384, 2048, 1408, 64, 6)
    yield from experts_cases(4096, 7168, 2048, 64, 8)
    for tokens, dim, vocabulary in ((8192, 2048, 102400), (16384, 2048, 163840),
                                    (8192, 7168, 129280)):  # fmt: skip
        yield from logprob_cases(tokens, dim, vocabulary)
    yield from (adamw_case(1 << 28, dtype) for dtype in (torch.bfloat16, torch.float32))


def _both_ways(
    op: str,
    shape: str,
    inputs: Callable[[torch.device], list[Tensor]],
    run: Callable[..., Tensor],
    ref: Callable[..., Tensor],
    moved: tuple[float, float],
    flops: tuple[float, float] = (0, 0),
    peers: dict[str, Callable[[list[Tensor]], Callable[..., Tensor]]] | None = None,
) -> Iterator[Case]:
    """Forward and backward of an operation that maps `inputs` to one tensor."""

    def forward(device: torch.device) -> Problem:
        leaves = inputs(device)

        def error(value: Tensor) -> float:
            return difference(value, ref(*(x.double() for x in leaves)))

        def peer(make: Callable[[list[Tensor]], Callable[..., Tensor]]) -> Callable[[], Run]:
            return lambda: _no_grad(make(leaves), leaves)

        made = {name: peer(make) for name, make in (peers or {}).items()}
        return Problem(_no_grad(run, leaves), error, made)

    def backward(device: torch.device) -> Problem:
        leaves = inputs(device)
        upstream = random(device, *run(*leaves).shape, seed=9)

        def error(value: list[Tensor]) -> float:
            exact = gradients(ref, [x.double() for x in leaves], upstream.double())
            return max(map(difference, value, exact))

        def peer(make: Callable[[list[Tensor]], Callable[..., Tensor]]) -> Callable[[], Run]:
            return lambda: _backward(make(leaves), leaves, upstream)

        made = {name: peer(make) for name, make in (peers or {}).items()}
        return Problem(_backward(run, leaves, upstream), error, made)

    yield Case(op, f"{shape}, forward", moved[0], flops[0], BF16, forward)
    yield Case(op, f"{shape}, backward", moved[1], flops[1], BF16, backward)


def _no_grad(run: Callable[..., Tensor], inputs: list[Tensor]) -> Run:
    return torch.no_grad()(lambda: run(*inputs))


def _backward(run: Callable[..., Tensor], inputs: list[Tensor], upstream: Tensor) -> Run:
    """Only the backward pass, over and over."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    out = run(*leaves)
    return lambda: list(torch.autograd.grad(out, leaves, upstream, retain_graph=True))


def norm_cases(rows: int, dim: int) -> Iterator[Case]:
    def transformers(inputs: list[Tensor]) -> Callable[..., Tensor]:
        from transformers.models.deepseek_v3.modeling_deepseek_v3 import (  # noqa: PLC0415
            DeepseekV3RMSNorm,
        )

        norm = DeepseekV3RMSNorm(dim, EPS).to(inputs[0])
        return lambda x, weight: torch.func.functional_call(norm, {"weight": weight}, (x,))

    def liger(_: list[Tensor]) -> Callable[..., Tensor]:
        from liger_kernel.ops.rms_norm import LigerRMSNormFunction  # noqa: PLC0415

        return lambda x, weight: LigerRMSNormFunction.apply(x, weight, EPS)

    return _both_ways(
        "rms_norm", f"{rows} x {dim}",
        lambda device: [random(device, rows, dim), random(device, dim, seed=1)],
        lambda x, weight: rms_norm(x, weight, EPS), lambda x, weight: rms_norm_ref(x, weight, EPS),
        (4.0 * rows * dim, 6.0 * rows * dim),
        peers={"transformers": transformers, "liger_kernel": liger},
    )  # fmt: skip


def swiglu_cases(rows: int, width: int) -> Iterator[Case]:
    def liger(_: list[Tensor]) -> Callable[..., Tensor]:
        from liger_kernel.ops.swiglu import LigerSiLUMulFunction  # noqa: PLC0415

        return lambda hidden: LigerSiLUMulFunction.apply(
            *(x.contiguous() for x in hidden.chunk(2, -1))
        )

    return _both_ways(
        "swiglu", f"{rows} x {width}", lambda device: [random(device, rows, 2 * width)],
        swiglu, swiglu_ref, (6.0 * rows * width, 10.0 * rows * width),
        peers={"torch eager": lambda _: swiglu_ref, "liger_kernel": liger},
    )  # fmt: skip


def attention_cases(sequences: int, time: int, keys: int, values: int) -> Iterator[Case]:
    scale = keys**-0.5

    def ref(*inputs: Tensor) -> Tensor:
        """Two sequences at a time: the scores of all would not fit in float64."""
        pieces = zip(*(x.split(2) for x in inputs), strict=True)
        return torch.cat([causal_attention_ref(*piece, scale) for piece in pieces])

    def sdpa(_: list[Tensor]) -> Callable[..., Tensor]:
        options = {"is_causal": True, "scale": scale}
        return lambda *x: F.scaled_dot_product_attention(*(i[None] for i in x), **options)[0]

    moved = 4.0 * sequences * time * (keys + values)
    per_width = 1.0 * sequences * time * (time + 1)  # T (T + 1) / 2 pairs, 2 FLOP each
    flops = per_width * (keys + values), per_width * (3 * keys + 2 * values)  # scores anew
    return _both_ways(
        "causal_attention", f"{sequences} x {time}, {keys}/{values}",
        lambda device: [random(device, sequences, time, width, seed=i)
                        for i, width in enumerate((keys, keys, values))],
        lambda *x: causal_attention(*x, scale), ref, (moved, 2 * moved), flops,
        {"torch SDPA": sdpa},
    )  # fmt: skip


def experts_cases(
    tokens: int, dim: int, width: int, experts: int, chosen: int
) -> Iterator[Case]:  # fmt: skip
    def route(device: torch.device) -> tuple[Tensor, Tensor]:
        generator = torch.Generator(device).manual_seed(0)
        scores = torch.rand(tokens, experts, generator=generator, device=device)
        gates, choice = scores.topk(chosen, dim=1)
        return choice, gates

    def inputs(device: torch.device) -> list[Tensor]:
        return [
            random(device, tokens, dim),
            random(device, experts, dim, 2 * width, seed=1) / dim**0.5,
            random(device, experts, width, dim, seed=2) / width**0.5,
        ]

    def forward(device: torch.device) -> Problem:
        (choice, gates), leaves = route(device), inputs(device)

        def error(value: Tensor) -> float:
            return difference(value[:4], _first_tokens(leaves, choice, gates, None)[0])

        return Problem(_no_grad(lambda *x: grouped_experts(*x, choice, gates), leaves), error)

    def backward(device: torch.device) -> Problem:
        (choice, gates), leaves = route(device), inputs(device)
        upstream = random(device, tokens, dim, seed=9)

        def error(value: list[Tensor]) -> float:
            return difference(value[0][:4], _first_tokens(leaves, choice, gates, upstream)[1])

        run = _backward(lambda *x: grouped_experts(*x, choice, gates), leaves, upstream)
        return Problem(run, error)

    weights, flops = 6.0 * experts * dim * width, 6.0 * tokens * chosen * dim * width
    shape = f"{tokens} tokens, {experts} x {dim} x {width}, top {chosen}"
    moved = weights + 4.0 * tokens * dim
    yield Case("grouped_experts", f"{shape}, forward", moved, flops, BF16, forward)
    yield Case("grouped_experts", f"{shape}, backward", 2 * moved, 2 * flops, BF16, backward)


def _first_tokens(
    leaves: list[Tensor], choice: Tensor, gates: Tensor, upstream: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The first four tokens' results in float64, and the gradients of their inputs."""
    used, places = choice[:4].unique(return_inverse=True)
    x = leaves[0][:4].double().requires_grad_()
    y = moe_decode_ref(x, *(weight[used].double() for weight in leaves[1:]), places, gates[:4])
    if upstream is None:
        return y, x
    return y, torch.autograd.grad(y, x, upstream[:4].double())[0]


def logprob_cases(tokens: int, dim: int, vocabulary: int) -> Iterator[Case]:
    def inputs(device: torch.device) -> list[Tensor]:
        return [random(device, tokens, dim), random(device, vocabulary, dim, seed=1) / dim**0.5]

    def chosen(device: torch.device) -> Tensor:
        generator = torch.Generator(device).manual_seed(0)
        return torch.randint(vocabulary, (tokens,), generator=generator, device=device)

    def eager(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        return -F.cross_entropy((hidden @ weight.T).float(), targets, reduction="none")

    def liger(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        from liger_kernel.transformers import (  # noqa: PLC0415
            LigerFusedLinearCrossEntropyLoss,
        )

        loss: Tensor = LigerFusedLinearCrossEntropyLoss(reduction="none")(weight, hidden, targets)
        return -loss

    def ours(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        return linear_logprob(hidden, weight, targets)[0]

    def forward(device: torch.device) -> Problem:
        leaves, targets = inputs(device), chosen(device)

        def error(value: Tensor) -> float:
            exact = [
                linear_logprob_ref(hidden.double(), leaves[1].double(), picked)[0]
                for hidden, picked in zip(leaves[0].split(PIECE), targets.split(PIECE), strict=True)
            ]
            return difference(value, torch.cat(exact))

        def peer(op: Callable[..., Tensor]) -> Callable[[], Run]:
            return lambda: _no_grad(lambda *x: op(*x, targets), leaves)

        run = _no_grad(lambda *x: ours(*x, targets), leaves)
        return Problem(run, error, {"torch eager": peer(eager), "liger_kernel": peer(liger)})

    def backward(device: torch.device) -> Problem:
        leaves, targets = inputs(device), chosen(device)
        upstream = random(device, tokens, dtype=torch.float32, seed=9)

        def error(value: list[Tensor]) -> float:
            d_weight = torch.zeros(leaves[1].shape, dtype=torch.float64, device=device)
            d_hidden = []
            for start in range(0, tokens, PIECE):
                piece = slice(start, start + PIECE)
                rows, weights = gradients(
                    lambda *x, piece=piece: linear_logprob_ref(*x, targets[piece])[0],
                    [leaves[0][piece].double(), leaves[1].double()],
                    upstream[piece].double(),
                )
                d_hidden.append(rows)
                d_weight += weights
            return max(difference(value[0], torch.cat(d_hidden)), difference(value[1], d_weight))

        def peer(op: Callable[..., Tensor]) -> Callable[[], Run]:
            return lambda: _backward(lambda *x: op(*x, targets), leaves, upstream)

        run = _backward(lambda *x: ours(*x, targets), leaves, upstream)
        return Problem(run, error, {"torch eager": peer(eager), "liger_kernel": peer(liger)})

    moved = 2.0 * dim * (vocabulary + tokens)
    flops = 2.0 * tokens * dim * vocabulary
    shape = f"{tokens} x {dim}, {vocabulary} words"
    goals = "≥ 600 TFLOP/s", "≥ 550 TFLOP/s"
    yield Case("linear_logprob", f"{shape}, forward", moved, flops, BF16, forward, goals[0])
    moved, flops = 3 * moved, 3 * flops
    yield Case("linear_logprob", f"{shape}, backward", moved, flops, BF16, backward, goals[1])


def adamw_case(count: int, moments: torch.dtype) -> Case:
    options = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1}

    def make(device: torch.device) -> Problem:
        state = [
            random(device, count, dtype=torch.float32, seed=1) / 50,
            random(device, count, dtype=torch.float32, seed=2),
        ]
        state += [torch.zeros(count, dtype=moments, device=device) for _ in range(2)]
        before = [x.clone() for x in state]

        def run() -> list[Tensor]:
            adamw_step(*state, **options, step=1)
            return state

        def error(value: list[Tensor]) -> float:
            exact = [x.double() for x in before]
            adamw_step_ref(*exact, **options, step=1)
            moved = difference(value[0] - before[0], exact[0] - before[0])
            return max(moved, *map(difference, value[2:], exact[2:]))

        def torch_fused() -> Run:
            param = state[0].clone().requires_grad_()
            param.grad = state[1]
            names = {"lr": 1e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
            return torch.optim.AdamW([param], fused=True, **names).step

        # torch keeps moments in the dtype of the weights.
        return Problem(run, error, {"torch AdamW": torch_fused} if moments == torch.float32 else {})

    moved = count * (3 * 4 + 4.0 * moments.itemsize)
    name = "bf16" if moments == torch.bfloat16 else "fp32"
    shape = f"{count} weights, {name} moments"
    return Case("adamw_step", shape, moved, 0, BF16, make, "≥ 90 % of copy")
