"""Decoding on a GPU: Triton kernels over a paged latent cache, a whole step as one CUDA graph.

The weights stay where they are: folding them, as the CPU's decoder does, doubles what a large model
has to read. Queries are multiplied into the latent space instead, and results out of it, head by
head with the two halves of `kv_up`.

A row of the page table names the pages of a sequence, and a token's place follows from its
position. On a CPU the same code runs through the kernels' references.

B sequences, S newest tokens of each, N = B * S, T time, P pages of a sequence, D hidden_size,
H heads, Q q_lora_rank, C kv_lora_rank, K qk_nope_head_dim, R qk_rope_head_dim, U v_head_dim,
X = C + R.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.backend import use_triton
from kernels.latent_cache import PAGE, write_latent
from kernels.mla_decode import mla_decode
from kernels.moe_decode import moe_decode
from training.model import Transformer
from training.model.attention import LATENT_NORM_EPS, Attention, Rotation
from training.model.block import Block
from training.model.experts import Experts, SwiGLU
from training.model.norm import RMSNorm
from training.model.rope import rotate


class PagedCache:
    """Latents and rotary keys of some layers in pages; see kernels/latent_cache.py.

    The whole pages of a prompt are shared by its group; the rest of it, which does not fill a page,
    is copied for each. A page goes back to the pool with the last row that reads it. The pool grows
    when a prompt finds no room.
    """

    compact_share = 0.5
    """Rows are dropped when so many have ended: each new batch size is captured anew."""

    def __init__(self, rows: int, layers: int, width: int, like: Tensor, tokens: int) -> None:
        """Empty, in the dtype of `like`; no sequence grows longer than `tokens`."""
        self.layers = [like.new_zeros(0, PAGE, width) for _ in range(layers)]
        self.table_BP = like.new_zeros(rows, -(-tokens // PAGE), dtype=torch.int32)
        self.chosen: list[Tensor] = []
        """Experts [N, K] that the newest tokens took, of each sparse layer."""
        self.pages: list[list[int]] = [[] for _ in range(rows)]
        self.readers: list[int] = []
        """Of each page of the pool: rows, and the last prompt that was placed."""
        self._unread: list[int] = []
        self._latest: tuple[list[Tensor], list[int]] = ([], [])
        # References, which stand in where Triton does not compute, wait for the host.
        self._capturable = like.is_cuda and like.dtype == torch.bfloat16 and use_triton(like)
        self._captured: dict[tuple[torch.Size, ...], _Captured] = {}

    def place(self, groups: list[tuple[list[Tensor], Tensor]]) -> None:
        """Begin sequences anew: for each group what the layers keep of its prompt [T, X], and its
        rows."""
        for _, rows in groups:
            self._leave(rows.tolist())
        width = self.table_BP.shape[1]
        wholes = [len(latents[0]) // PAGE for latents, _ in groups]
        sizes = [len(rows) for _, rows in groups]
        self._reserve(sum(n + size * (width - n) for n, size in zip(wholes, sizes, strict=True)))
        for (latents, rows), whole in zip(groups, wholes, strict=True):
            shared = self._prompt_pages(latents, whole)
            for row in rows.tolist():
                self._read(shared)
                self.pages[row] = shared + self._take(width - whole)
                self.table_BP[row] = self.table_BP.new_tensor(self.pages[row])
            for cache_PTX, latents_TX in zip(self.layers, latents, strict=True):
                rest_TX = latents_TX[whole * PAGE :]
                if len(rest_TX):
                    cache_PTX[self.table_BP[rows, whole].long(), : len(rest_TX)] = rest_TX

    def end(self, rows_B: Tensor) -> None:
        """Nothing to do: a row writes to its pages until it is taken or dropped."""

    def hide_newest(self, rows_B: Tensor) -> None:
        """Nothing to do: the next token of such a sequence has the same place, and none is seen
        beyond a sequence's length."""

    def keep(self, rows: Tensor) -> None:
        """Drop all sequences but those with these numbers."""
        kept = rows.tolist()
        self._leave(sorted(set(range(len(self.pages))) - set(kept)))
        self.pages = [self.pages[row] for row in kept]
        self.table_BP = self.table_BP[rows]
        self._captured.clear()

    def _prompt_pages(self, latents: list[Tensor], whole: int) -> list[int]:
        """The pages that a prompt fills, written unless it was the latest prompt already."""
        prompt, pages = self._latest
        if prompt is not latents:
            self._release(pages)
            pages = self._take(whole)
            self._latest = (latents, pages)
            for cache_PTX, latents_TX in zip(self.layers, latents, strict=True):
                cache_PTX[pages] = latents_TX[: whole * PAGE].unflatten(0, (whole, PAGE))
        return pages

    def _reserve(self, count: int) -> None:
        """Let there be so many pages that nobody reads."""
        more, size = count - len(self._unread), len(self.readers)
        if more > 0:
            self._unread += reversed(range(size, size + more))
            self.readers += [0] * more
            self.layers = [F.pad(cache_PTX, (0, 0, 0, 0, 0, more)) for cache_PTX in self.layers]
            self._captured.clear()

    def _take(self, count: int) -> list[int]:
        """Pages that nobody reads, now read by one."""
        pages = [self._unread.pop() for _ in range(count)]
        self._read(pages)
        return pages

    def _read(self, pages: list[int]) -> None:
        for page in pages:
            self.readers[page] += 1

    def _release(self, pages: list[int]) -> None:
        for page in pages:
            self.readers[page] -= 1
            if not self.readers[page]:
                self._unread.append(page)

    def _leave(self, rows: list[int]) -> None:
        for row in rows:
            self._release(self.pages[row])
            self.pages[row] = []

    def run(self, step: Callable[..., Any], *inputs: Tensor) -> Any:
        """`step(*inputs, self)`, as one CUDA graph where kernels allow it. The result is written
        over by the next run."""
        if not self._capturable:
            return step(*inputs, self)
        shapes = tuple(each.shape for each in inputs)
        if shapes not in self._captured:
            self._captured[shapes] = _Captured(lambda *given: step(*given, self), inputs)
        return self._captured[shapes](*inputs)


class _Captured:
    """A step recorded as a CUDA graph: launching it is one call instead of hundreds."""

    def __init__(self, step: Callable[..., Any], inputs: tuple[Tensor, ...]) -> None:
        self.inputs = [each.clone() for each in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # compiles kernels and allocates workspaces, unrecorded
            for _ in range(2):
                step(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = step(*self.inputs)

    def __call__(self, *inputs: Tensor) -> Any:
        for static, given in zip(self.inputs, inputs, strict=True):
            static.copy_(given)
        self.graph.replay()
        return self.output


class PagedLayers:
    """Some layers of the policy. The residual stream is fp32, products are in the model's dtype."""

    def __init__(self, blocks: Sequence[Block], model: Transformer) -> None:
        self.blocks, self.rope = blocks, model.rope
        self.dtype = model.head.weight.dtype

    def step(self, x_ND: Tensor, positions_BS: Tensor, cache: PagedCache) -> Tensor:
        """Let the newest tokens through all layers, each after those before it; changes `x_ND`
        (fp32), returns it, and writes to `cache`."""
        rotation = self.rope(positions_BS.flatten(), self.dtype)
        cache.chosen = []
        for block, cache_PTX in zip(self.blocks, cache.layers, strict=True):
            unit_ND = self._normed(x_ND, block.attention_norm)
            x_ND += attend(
                unit_ND, block.attention, cache_PTX, cache.table_BP, positions_BS, rotation
            )
            unit_ND = self._normed(x_ND, block.feed_forward_norm)
            x_ND += feed_forward(unit_ND, block.feed_forward, cache.chosen)
        return x_ND

    def _normed(self, x_ND: Tensor, norm: RMSNorm) -> Tensor:
        weight_D = norm.weight.float()
        return F.rms_norm(x_ND, weight_D.shape, weight_D, norm.eps).to(self.dtype)


def attend(
    x_ND: Tensor,
    attention: Attention,
    cache_PTX: Tensor,
    table_BP: Tensor,
    positions_BS: Tensor,
    rotation: Rotation,
) -> Tensor:
    """Absorbed attention [N, D] of normed tokens, which are written to the cache first."""
    config, (cos_NR, sin_NR) = attention.config, rotation
    heads, latent_dim = config.num_attention_heads, config.kv_lora_rank
    q_NX, latent_NC, k_rope_NR = attention.down(x_ND).split(attention.down_sizes, dim=-1)
    write_latent(
        latent_NC, k_rope_NR, cos_NR, sin_NR, attention.kv_norm.weight, LATENT_NORM_EPS,
        cache_PTX, table_BP, positions_BS.flatten(),
    )  # fmt: skip
    if config.q_lora_rank is not None:
        q_NX = attention.q_up(attention.q_norm(q_NX))
    q_NHK, q_NHR = q_NX.unflatten(-1, (heads, -1)).split(
        (config.qk_nope_head_dim, config.qk_rope_head_dim), dim=-1
    )
    kv_HXC = attention.kv_up.weight.unflatten(0, (heads, -1))
    k_HKC, v_HUC = kv_HXC.split((config.qk_nope_head_dim, config.v_head_dim), dim=1)
    q_NHC = torch.bmm(q_NHK.transpose(0, 1), k_HKC).transpose(0, 1)
    q_NHR = rotate(q_NHR, cos_NR[:, None], sin_NR[:, None])
    q_BSHX = torch.cat((q_NHC, q_NHR), dim=-1).unflatten(0, positions_BS.shape)
    lengths_B = (positions_BS[:, -1] + 1).int()
    out_BSHC = mla_decode(q_BSHX, cache_PTX, table_BP, lengths_B, latent_dim, config.softmax_scale)
    out_HNC = out_BSHC.flatten(0, 1).transpose(0, 1)
    out_NHU = torch.bmm(out_HNC, v_HUC.transpose(1, 2)).transpose(0, 1)
    out_ND: Tensor = attention.out(out_NHU.flatten(1))
    return out_ND


def feed_forward(x_ND: Tensor, layer: SwiGLU | Experts, chosen: list[Tensor]) -> Tensor:
    """Dense or sparse, [N, D] to [N, D]; a sparse layer adds its experts to `chosen`."""
    if not isinstance(layer, Experts):
        dense_ND: Tensor = layer(x_ND)
        return dense_ND
    experts_NK, gates_NK = layer.router(x_ND)
    chosen.append(experts_NK)
    routed_ND = moe_decode(x_ND, layer.gate_up_EDJ, layer.down_EID, experts_NK, gates_NK)
    return routed_ND if layer.shared is None else routed_ND + layer.shared(x_ND)
