"""What one chunk keeps for its backward pass, and what it needs on top while it computes.

N packed tokens, M completion tokens, B sequences, T length of their layout, W = B * H, H heads,
D hidden_size, X key width, U value width, C latent width, R rotary width, V vocabulary, E experts,
K experts per token, S slots of all experts, I expert width.
"""

from dataclasses import dataclass

from training.config.memory.job import Job

CHUNK_ELEMENTS = 1 << 21
"""Logits that kernels/linear_logprob.py holds at once …"""
CHUNK_ROWS = 128
"""… but never of fewer positions."""
GRADIENT_ELEMENTS = 1 << 27
"""Logits' gradients that its Triton kernels leave at once for the matrix products …"""
TILE_COLUMNS = 128
"""… by columns of the vocabulary, in whole tiles of so many."""
SMALL_NORM = 1 << 17
"""Elements up to which kernels/rms_norm.py leaves a norm to torch, which keeps more."""
TIME_MULTIPLE = 32
"""Lengths to which training/model/packing.py lays sequences out."""


@dataclass(frozen=True)
class ChunkMemory:
    """Bytes."""

    saved: int
    """Kept from the forward for the backward pass."""
    first_layer: int
    """The part of it that is still there when the backward pass reaches the first layer."""
    forward: int
    """Scratch of a forward pass without gradient: that of the reference policy."""
    backward: int
    """Scratch of the backward pass through the last layer."""
    head: int
    """Logits and their gradients."""


@dataclass(frozen=True)
class _Sizes:
    job: Job
    tokens: int
    scored: int
    time: int
    rows: int
    """W."""
    slots: int
    index: int
    """Elements of the index tensors of the layout."""


def chunk_memory(job: Job) -> ChunkMemory:
    """The largest chunk of a step."""
    sizes, shape = _sizes(job), job.shape
    attention, width = _attention(sizes), job.width
    layers = shape.num_hidden_layers
    sparse, dense = _experts(sizes), _dense(sizes)
    saved = layers * attention + shape.sparse_layers * sparse
    saved += (layers - shape.sparse_layers) * dense
    ends = (
        sizes.tokens * shape.hidden_size * width  # embedded tokens
        + _norm(sizes, shape.hidden_size, width)
        + sizes.scored * shape.hidden_size * width
        + 2 * sizes.tokens * shape.qk_rope_head_dim * width
        + 8 * sizes.index
    )
    if shape.num_nextn_predict_layers and job.config.optim.mtp_weight:
        saved += attention + sparse + ends
        saved += sizes.tokens * shape.hidden_size * width * 3  # both norms, and their join
    whole_batch = 18 * job.completions * (sizes.time + 1)
    first = attention + (dense if shape.sparse_layers < layers else sparse)
    return ChunkMemory(
        saved=saved + ends + whole_batch,
        first_layer=first + ends + whole_batch,
        forward=max(_attention_forward(sizes), _feed_forward_forward(sizes), _emulation(sizes)),
        backward=max(_backward(sizes), _emulation(sizes)),
        head=_head(sizes),
    )


def bucket(count: int) -> int:
    """As kernels/buckets.py: up to an eighth of a power of two."""
    step = max(16, 1 << max(0, (count - 1).bit_length() - 4))
    return max(1, -(-count // step)) * step


def _sizes(job: Job) -> _Sizes:
    shape, limit = job.shape, job.config.sampling.longest[1]
    sequences, prompts, mean = job.chunk
    longest = job.lengths.spread(limit)[1]
    scored, prompt = bucket(round(sequences * mean)), job.lengths.prompt
    tokens = bucket(round(sequences * mean) + prompts * prompt)
    time = -(-(prompt + longest) // TIME_MULTIPLE) * TIME_MULTIPLE
    heads = shape.num_attention_heads
    mean_load = tokens * shape.num_experts_per_tok / max(1, shape.n_routed_experts)
    slots = shape.n_routed_experts * bucket(round(mean_load))
    if job.sorts_tokens:
        slots = tokens * shape.num_experts_per_tok
    shared = (sequences - prompts) * prompt
    index = heads * (sequences * time + tokens + 2 * shared)
    return _Sizes(job, tokens, scored, time, sequences * heads, slots, index)


def _norm(sizes: _Sizes, dim: int, kept: float) -> int:
    """What a norm's result takes, at `kept` bytes a number, and what the norm itself keeps besides
    its input, which others keep anyway."""
    elements, width = sizes.tokens * dim, sizes.job.width
    small = not sizes.job.cuda and elements <= SMALL_NORM
    extra = elements * (4 + (4 if width == 2 else 0)) if small else 0
    return round(elements * kept) + extra + 4 * sizes.tokens


def _attention(sizes: _Sizes) -> int:
    job, shape = sizes.job, sizes.job.shape
    width, kept, time, values = job.width, job.input_width, sizes.time, shape.v_head_dim
    laid_out = sizes.rows * time * (2 * shape.qk_head_dim + values) * width
    scores = sizes.rows * time * (values * width + 4 if job.cuda else time * width)
    streams = (shape.down_dim + shape.hidden_size) * width
    streams += round(shape.num_attention_heads * values * kept)
    norms = [shape.hidden_size, shape.kv_lora_rank, *filter(None, [shape.q_lora_rank])]
    kept_norms = sum(_norm(sizes, dim, kept) for dim in norms)
    return laid_out + scores + sizes.tokens * streams + kept_norms


def _dense(sizes: _Sizes) -> int:
    dim, job = sizes.job.shape.hidden_size, sizes.job
    residual = sizes.tokens * dim * job.width
    inner = _swiglu(sizes, job.shape.intermediate_size)
    return _norm(sizes, dim, job.input_width) + inner + residual


def _swiglu(sizes: _Sizes, width: int) -> int:
    return round(sizes.tokens * width * (2 * sizes.job.width + sizes.job.input_width))


def _experts(sizes: _Sizes) -> int:
    job, shape, width = sizes.job, sizes.job.shape, sizes.job.width
    dim = shape.hidden_size
    routed = sizes.slots * 2 * shape.moe_intermediate_size * width
    indices = sizes.slots * (8 + width) + sizes.tokens * shape.num_experts_per_tok * 28
    wide = 4 * sizes.tokens * dim if width == 2 else 0
    router = wide + 4 * sizes.tokens * shape.n_routed_experts
    shared = _swiglu(sizes, shape.shared_width)
    if job.dtype == "fp8" and shape.shared_width:
        shared += round(sizes.tokens * dim * job.input_width)
    streams = _norm(sizes, dim, width) + sizes.tokens * dim * width
    return routed + indices + router + shared + streams


def _attention_forward(sizes: _Sizes) -> int:
    job, shape = sizes.job, sizes.job.shape
    width, time = job.width, sizes.time
    laid_out = sizes.rows * time * (2 * shape.qk_head_dim + shape.v_head_dim)
    scores = sizes.rows * time * (shape.v_head_dim if job.cuda else 2 * time)
    flat = 2 * shape.num_attention_heads * shape.qk_head_dim + shape.kv_up_dim
    flat += 2 * shape.hidden_size + shape.down_dim
    return (laid_out + scores + sizes.tokens * flat) * width


def _feed_forward_forward(sizes: _Sizes) -> int:
    shape, width = sizes.job.shape, sizes.job.width
    dense = sizes.tokens * 3 * shape.intermediate_size
    routed = sizes.slots * (2 * shape.hidden_size + 3 * shape.moe_intermediate_size)
    return (max(dense, routed) + 2 * sizes.tokens * shape.hidden_size) * width


def _backward(sizes: _Sizes) -> int:
    """The experts' gradient, with that of their gates in fp32; or of a dense feed-forward."""
    shape, width = sizes.job.shape, sizes.job.width
    streams = 3 * sizes.tokens * shape.hidden_size * width
    if not shape.sparse_layers:
        return streams + 4 * sizes.tokens * shape.intermediate_size * width
    dim, inner = shape.hidden_size, shape.moe_intermediate_size
    choices = sizes.tokens * shape.num_experts_per_tok * dim * width
    if not sizes.job.sorts_tokens:  # all but the inputs' gradients lives for one expert only
        return streams + sizes.slots * dim * width + choices + shape.expert_parameters * width
    gates = sizes.slots * ((dim + 2 * inner) * width + 12 * inner)
    inputs = sizes.slots * (2 * dim + 4 * inner) * width + choices
    return streams + max(gates, inputs) + shape.expert_parameters * width


def _emulation(sizes: _Sizes) -> int:
    """Scratch of kernels/fp8_gemm.py where FP8 is emulated: a block's sums, their total and their
    scaled product in fp32, and what is scattered, of the widest product."""
    job, shape = sizes.job, sizes.job.shape
    if job.cuda or job.dtype != "fp8":
        return 0
    dense = sizes.tokens * shape.intermediate_size
    return 16 * 2 * max(dense, sizes.slots * shape.moe_intermediate_size)


def gradient_columns(positions: int, vocabulary: int) -> int:
    """Columns of the vocabulary whose gradients are held at once beside the Triton kernels."""
    wanted = GRADIENT_ELEMENTS // positions // TILE_COLUMNS
    return TILE_COLUMNS * min(max(1, wanted), -(-vocabulary // TILE_COLUMNS))


def _head(sizes: _Sizes) -> int:
    """The backward pass of kernels/linear_logprob.py: gradients of weight, states and logits."""
    job, shape = sizes.job, sizes.job.shape
    weight, states = shape.vocab_size * shape.hidden_size, sizes.scored * shape.hidden_size
    if job.cuda and job.width == 2 and shape.hidden_size % 8 == 0:
        logits = sizes.scored * gradient_columns(sizes.scored, shape.vocab_size)
        # Those of the states are summed up in fp32, and so is what is added to them.
        return 2 * weight + (4 + 4) * states + 2 * logits
    rows = max(CHUNK_ROWS, CHUNK_ELEMENTS // shape.vocab_size)
    elements = min(sizes.scored, rows) * shape.vocab_size
    several = sizes.scored * shape.vocab_size > elements
    return 4 * weight + job.width * states + elements * (16 if several else 10)
