"""Cases of what one decoding step needs: latent cache, attention, experts.

Shapes: B sequences, S newest tokens, T tokens in the cache, H heads, C kv_lora_rank, R
qk_rope_head_dim; D hidden size, I expert width, E experts, K per token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.bench.case import BF16, E4M3_BETWEEN, Case, Problem, Run, difference, random
from kernels.latent_cache import PAGE, new_cache, read_latents, write_latent, write_latent_ref
from kernels.mla_decode import mla_decode, mla_decode_ref
from kernels.moe_decode import moe_decode, moe_decode_ref
from kernels.quantize import Quantized, quantize_blocks

FP8 = torch.float8_e4m3fn
NAMES = {torch.bfloat16: "bf16", FP8: "FP8"}
V3, NANO = (512, 64), (64, 16)
"""C and R."""


def cases(device: torch.device) -> Iterator[Case]:
    if device.type != "cuda":
        for dtype in (torch.bfloat16, FP8):
            yield write_case(4, *NANO, dtype)
            yield mla_case(2, 1, 100, 4, *NANO, dtype)
            yield moe_case(8, 64, 32, 4, 2, dtype)
        yield mla_case(2, 2, 100, 4, *NANO, torch.bfloat16)
        return
    for dtype in (torch.bfloat16, FP8):
        yield write_case(512, *V3, dtype)
        yield mla_case(128, 1, 1024, 16, *V3, dtype, "≥ 3.1 TB/s")
        yield mla_case(512, 1, 768, 16, *V3, dtype, "≥ 3.1 TB/s")
        yield mla_case(128, 2, 1024, 16, *V3, dtype)
        yield mla_case(1, 1, 32768, 16, *V3, dtype)
        yield mla_case(128, 1, 1024, 128, *V3, dtype, "≥ 400 TFLOP/s")
        yield mla_case(128, 1, 4096, 128, *V3, dtype, "≥ 400 TFLOP/s")
        for tokens in (1, 8, 64, 512):
            yield moe_case(tokens, 2048, 1408, 64, 6, dtype, "≥ 3.4 TB/s")  # Moonlight
        yield moe_case(128, 7168, 2048, 256, 8, dtype, "≥ 3.4 TB/s")  # V3


def token_bytes(latent: int, rope: int, dtype: torch.dtype) -> int:
    return new_cache(1, latent, rope, dtype, "meta")[0, 0].nbytes


def write_case(batch: int, latent: int, rope: int, dtype: torch.dtype) -> Case:
    def make(device: torch.device) -> Problem:
        joined = random(device, batch, latent + rope)
        rotation = random(device, 2, batch, rope, dtype=torch.float32, seed=1)
        weight = random(device, latent, seed=2)
        table = torch.arange(batch, device=device, dtype=torch.int32)[:, None]
        positions = torch.arange(batch, device=device) % PAGE
        inputs = joined[:, :latent], joined[:, latent:], *rotation, weight
        cache = new_cache(batch, latent, rope, dtype, device)

        def run() -> Tensor:
            write_latent(*inputs, 1e-6, cache, table, positions)
            return cache

        def error(value: Tensor) -> float:
            exact = new_cache(batch, latent, rope, FP8 if dtype == FP8 else torch.float64, device)
            write_latent_ref(*(x.double() for x in inputs), 1e-6, exact, table, positions)
            return difference(read_latents(value, latent), read_latents(exact, latent))

        return Problem(run, error)

    moved = batch * (2 * (latent + rope) + 8 * rope + token_bytes(latent, rope, dtype))
    shape = f"{batch} tokens, {latent}+{rope}, {NAMES[dtype]} cache"
    return Case("write_latent", shape, moved, 0, BF16, make)


def mla_case(
    batch: int, newest: int, length: int, heads: int, latent: int, rope: int, dtype: torch.dtype,
    target: str = "",
) -> Case:  # fmt: skip
    """Absorbed attention; floors as in the DeepSeek-V2 report's section 2.1.2 by arithmetic."""

    def make(device: torch.device) -> Problem:
        pages = -(-length // PAGE)
        cache = _filled(batch * pages, latent, rope, dtype, device)
        order = torch.randperm(batch * pages, device=device, dtype=torch.int32)
        table = order.view(batch, pages)
        lengths = torch.full((batch,), length, device=device, dtype=torch.int32)
        q = random(device, batch, newest, heads, latent + rope, seed=1)
        scale = (latent + rope) ** -0.5

        def run() -> Tensor:
            return mla_decode(q, cache, table, lengths, latent, scale)

        def error(value: Tensor) -> float:
            few = slice(0, 2)
            exact = mla_decode_ref(
                q[few].double(), cache, table[few], lengths[few], latent, scale
            )  # fmt: skip
            return difference(value[few], exact)

        def sdpa() -> Run:
            keys = read_latents(cache, latent)[table.long()].flatten(1, 2)[:, None, :length]
            keys = keys.to(q.dtype)
            q_BHSX = q.transpose(1, 2)
            mask = torch.ones(newest, length, dtype=torch.bool, device=device).tril(length - newest)
            return lambda: F.scaled_dot_product_attention(
                q_BHSX, keys, keys[..., :latent], attn_mask=mask, scale=scale, enable_gqa=True
            ).transpose(1, 2)

        def flash_mla() -> Run:
            from flash_mla import flash_mla_with_kvcache, get_mla_metadata  # noqa: PLC0415

            plan = get_mla_metadata(lengths, newest * heads, 1)
            return lambda: flash_mla_with_kvcache(
                q,
                cache[:, :, None],
                table,
                lengths,
                latent,
                *plan,
                softmax_scale=scale,
                causal=True,
            )

        peers = {"torch SDPA": sdpa}
        if dtype != FP8:  # FlashMLA's FP8 kernel is for sparse attention
            peers["flash_mla"] = flash_mla
        return Problem(run, error, peers)

    moved = batch * (
        length * token_bytes(latent, rope, dtype) + 2 * newest * heads * (2 * latent + rope)
    )
    flops = 2.0 * batch * newest * heads * length * (2 * latent + rope)
    speculative = f"{newest} tokens, " if newest > 1 else ""
    shape = f"{batch} x {length}, {speculative}{heads} heads, {latent}+{rope}, {NAMES[dtype]} cache"
    return Case("mla_decode", shape, moved, flops, BF16, make, target)


def _filled(pages: int, latent: int, rope: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A cache full of random tokens."""
    cache = new_cache(pages, latent, rope, dtype, device)
    if dtype != FP8:
        return cache.copy_(random(device, *cache.shape))
    rows = random(device, pages * PAGE, latent + rope)
    turn = torch.ones(1, rope, device=device), torch.zeros(1, rope, device=device)
    table = torch.arange(pages, device=device, dtype=torch.int32)[:, None]
    write_latent(
        rows[:, :latent], rows[:, latent:], *(x.expand(len(rows), -1) for x in turn),
        torch.ones(latent, device=device, dtype=rows.dtype), 1e-6, cache, table,
        torch.arange(PAGE, device=device).repeat(pages),
    )  # fmt: skip
    return cache


def moe_case(
    tokens: int, dim: int, width: int, experts: int, chosen: int, dtype: torch.dtype,
    target: str = "",
) -> Case:  # fmt: skip
    def make(device: torch.device) -> Problem:
        x = random(device, tokens, dim)
        gate_up = _experts(experts, dim, 2 * width, dtype, device)
        down = _experts(experts, width, dim, dtype, device)
        generator = torch.Generator(device).manual_seed(0)
        scores = torch.rand(tokens, experts, generator=generator, device=device)
        gates, choice = scores.topk(chosen, dim=1)

        def run() -> Tensor:
            return moe_decode(x, gate_up, down, choice, gates)

        def error(value: Tensor) -> float:
            few = choice[:2]
            used, places = few.unique(return_inverse=True)  # the others need no float64
            weights = (_some(weight, used) for weight in (gate_up, down))
            exact = moe_decode_ref(x[:2].double(), *weights, places, gates[:2])
            return difference(value[:2], exact)

        if isinstance(gate_up, Quantized) or isinstance(down, Quantized):
            # torch has no grouped product with scales of blocks; transformers' comes from the Hub.
            return Problem(run, error)
        inputs = (x, gate_up, down, choice, gates)
        peers: dict[str, Callable[[], Run]] = {
            "torch F.grouped_mm": lambda: lambda: _by_grouped_mm(*inputs),
            "transformers": lambda: _transformers(*inputs),
        }
        return Problem(run, error, peers)

    read = experts * (1 - (1 - chosen / experts) ** tokens)  # experts with a token, on average
    moved = read * 3 * dim * width * dtype.itemsize + 4.0 * tokens * dim
    flops = 6.0 * tokens * chosen * dim * width
    shape = f"{tokens} tokens, {experts} x {dim} x {width}, top {chosen}, {NAMES[dtype]} weights"
    tolerance = E4M3_BETWEEN if dtype == FP8 else BF16
    return Case("moe_decode", shape, moved, flops, tolerance, make, target)


def _experts(
    experts: int, rows: int, columns: int, dtype: torch.dtype, device: torch.device
) -> Tensor | Quantized:
    """Random weights [E, rows, columns]; in FP8 made an expert at a time, which is what fits."""
    if dtype != FP8:
        return random(device, experts, rows, columns, seed=rows).mul_(rows**-0.5)
    made = [quantize_blocks(random(device, rows, columns, seed=rows + i).mT / rows**0.5)
            for i in range(experts)]  # fmt: skip
    return Quantized(*(torch.stack(parts) for parts in zip(*made, strict=True)))


def _some(weight: Tensor | Quantized, used: Tensor) -> Tensor | Quantized:
    if isinstance(weight, Quantized):
        return Quantized(weight.values.view(torch.uint8)[used].view(FP8), weight.scales[used])
    return weight[used]


def _by_grouped_mm(
    x: Tensor, gate_up: Tensor, down: Tensor, choice: Tensor, gates: Tensor
) -> Tensor:
    """What one writes with torch alone."""
    chosen, order = choice.flatten().sort(stable=True)
    ends = torch.searchsorted(chosen, torch.arange(len(down), device=x.device), right=True).int()
    rows = x[order // choice.shape[1]]
    gate, up = F.grouped_mm(rows, gate_up, offs=ends).chunk(2, dim=-1)
    y = F.grouped_mm(F.silu(gate) * up, down, offs=ends)
    y = torch.empty_like(y).index_copy_(0, order, y).unflatten(0, choice.shape)
    return (y * gates[..., None]).sum(1).to(x.dtype)


def _transformers(x: Tensor, gate_up: Tensor, down: Tensor, choice: Tensor, gates: Tensor) -> Run:
    from transformers import DeepseekV3Config  # noqa: PLC0415
    from transformers.models.deepseek_v3.modeling_deepseek_v3 import (  # noqa: PLC0415
        DeepseekV3Experts,
    )

    config = DeepseekV3Config(
        hidden_size=x.shape[1], n_routed_experts=len(down), moe_intermediate_size=down.shape[1],
        num_experts_per_tok=choice.shape[1],
    )  # fmt: skip
    config._experts_implementation = "grouped_mm"  # noqa: SLF001 - what from_pretrained sets
    with torch.device("meta"):
        module = DeepseekV3Experts(config)
    module.gate_up_proj = torch.nn.Parameter(gate_up.mT.contiguous(), requires_grad=False)
    module.down_proj = torch.nn.Parameter(down.mT.contiguous(), requires_grad=False)
    return lambda: module(x, choice, gates.to(x.dtype))
