"""What lives in memory in each phase of a step, by part, counted tensor by tensor.

The peak of a run is that of its hungriest phase, not the sum. Every line here follows a line of the
trainer: DeepSpeed's ZeRO for gradients and optimiser, training/rollout for the sampler.
tests/training/test_memory_measured.py holds it against the real loop.
"""

import math
from collections import Counter

from training.config.memory.chunk import chunk_memory
from training.config.memory.job import Job, Parts, Phase
from training.config.memory.shape import Shape, Sizes

GATHERED = 1_000_000_000
"""Elements of gathered weights that ZeRO 3 lets live at once."""
COLUMN_STEP = 32
"""Columns by which a CPU's latent cache grows."""
PAGE = 64
"""Tokens of a page of a GPU's latent cache."""
FEW_EXPERTS = 1 << 10
"""Experts up to which a CPU's sampler lays them side by side, as one wide layer."""


def phases(job: Job) -> dict[Phase, Parts]:
    """The peak of each phase; without sampling and activations where no shape is known."""
    if isinstance(job.model, Sizes):
        update = standing(job)
        update["gradients"] += _gradients_at_the_end(job)
        return {"training": update, "optimiser_step": optimiser_step(job)}
    sampled = _collecting(job)
    found: dict[Phase, Parts] = {
        "sampling": sampled, "training": training(job), "optimiser_step": optimiser_step(job),
    }  # fmt: skip
    if job.config.sampling.staleness:  # sampling goes on meanwhile
        beside = sampled - standing(job)
        found["training"] += beside
        found["optimiser_step"] += beside
    evaluation = job.config.evaluation
    if evaluation.every_steps:
        most = max([evaluation.problems, *(one.problems for one in evaluation.sets)])
        problems = min(-(-most // job.processes), job.config.evaluation_batch)
        found["evaluation"] = _in_turn(job, problems * evaluation.completions_per_problem, problems)
    return found


def standing(job: Job) -> Parts:
    """What lives from the first step to the last."""
    parameters = job.model.parameters
    whole, moment = job.width * parameters, 2 if job.config.optim.moment_dtype == "bf16" else 4
    masters = 4 if job.stage or job.width == 2 else 0
    parts = Parts({"weights": whole, "optimiser": (masters + 2 * moment) * job.shard})
    tables = _rotary_tables(job)
    parts["activations"] = tables
    if job.config.grpo.kl_coef:
        parts["reference"] = whole + tables
    if job.config.hardware.expert_parallel > 1:  # a slice, beside the whole copy
        parts["weights"] += job.width * job.held + tables
    # A copy for each collection ahead.
    parts["weights"] += job.config.sampling.staleness * (whole + tables)
    if job.stage == 3:  # shards, beside the whole copy that is sampled from
        parts["weights"] += job.width * job.shard + tables
        parts["gradients"] = job.bucket + job.width * job.shard
    engine = job.config.sampling.engine
    if engine.type == "vllm" and not engine.addresses:  # on the same device, in a process beside
        parts["weights"] += whole
        parts["latent_cache"] += round(engine.kv_cache_gib * 2**30)
    return parts


def optimiser_step(job: Job) -> Parts:
    """Gradients in fp32 and AdamW's own scratch, over this process's shard."""
    parts, torch_adamw = standing(job), job.config.optim.moment_dtype == "fp32"
    if job.stage == 0:
        widened = 4 * job.model.parameters if job.width == 2 else 0
        parts["gradients"] += job.width * job.model.parameters + widened
    else:
        parts["gradients"] += 4 * job.shard
    largest = job.shard if job.stage else job.model.largest_tensor
    if torch_adamw:
        parts["optimiser"] += 4 * job.shard if job.cuda else 8 * largest
    return parts


def sampling(job: Job, sequences: int, prompts: int) -> Parts:
    """So many sequences at the same time, the last of them at its longest."""
    shape, parts = job.shape, standing(job)
    if job.config.sampling.engine.type == "vllm":
        return parts
    parts["weights"] += _folded_weights(job)
    layers = shape.num_hidden_layers
    if job.config.sampling.speculative:
        layers += shape.num_nextn_predict_layers
    _, limit = job.config.sampling.longest
    latent = job.width * (shape.kv_lora_rank + shape.qk_rope_head_dim)
    parts["latent_cache"] += layers * latent * _cached(job, sequences, prompts)
    parts["logits"] += sequences * shape.vocab_size * (job.width + 4 + 4 + 4 + 8)
    parts["activations"] += 12 * sequences * limit  # tokens and log-probabilities
    if job.config.sampling.routing_replay:
        sparse = shape.num_hidden_layers - shape.first_k_dense_replace
        parts["activations"] += 2 * sequences * limit * sparse * shape.num_experts_per_tok
    parts["latent_cache"] += prompts * job.lengths.prompt * layers * latent
    return parts


def _collecting(job: Job) -> Parts:
    """All prompts of a collection, with those begun beyond it."""
    config, steps = job.config.sampling, job.config.grpo.steps_per_collection
    prompts = math.ceil(job.prompts * steps * (1 + config.carry_over))
    return _in_turn(job, prompts * job.members, prompts)


def _in_turn(job: Job, sequences: int, prompts: int) -> Parts:
    """Sampling with no more sequences at the same time than the sampler has rows."""
    rows = min(job.config.sampling.engine.max_sequences or sequences, sequences)
    together = -(-rows // -(-sequences // max(prompts, 1))) + 1  # a group may begin amid the rows
    return sampling(job, rows, min(prompts, together))


def _cached(job: Job, sequences: int, prompts: int) -> int:
    """Tokens that the latent caches of so many sequences hold, counting copies of them."""
    limit, prompt = job.config.sampling.longest[1], job.lengths.prompt
    if job.cuda:  # all pages from the start; those that a prompt fills are shared by its group
        shared = prompt // PAGE * PAGE
        return prompts * shared + sequences * (-(-(prompt + limit) // PAGE) * PAGE - shared)
    longest = prompt + job.lengths.spread(limit)[1]
    # While it grows, the old cache lives beside the new one.
    return sequences * (2 * -(-longest // COLUMN_STEP) * COLUMN_STEP - COLUMN_STEP)


def training(job: Job) -> Parts:
    """The hungriest moment of reference pass and backward."""
    batch, later = chunk_memory(job), job.chunk.sequences < job.completions
    kept = _gradients_between(job) if later else 0
    begun = {1: max(kept, job.bucket), 2: kept + job.bucket}.get(job.stage, kept)
    gathered = job.stage == 3 and job.processes > 1
    weights = job.width * min(GATHERED, job.model.parameters) if gathered else 0
    saved = batch.saved
    moments = [
        Parts({"activations": saved, "logits": batch.head, "gradients": begun, "weights": weights}),
        Parts({"activations": saved + batch.backward, "gradients": begun, "weights": weights}),
        Parts({"activations": batch.first_layer, "gradients": _gradients_at_the_end(job)}),
    ]
    if job.config.grpo.kl_coef:
        again = saved + batch.forward
        moments.append(Parts({"activations": again, "gradients": kept, "weights": weights}))
    return standing(job) + max(moments, key=Counter.total)


def _rotary_tables(job: Job) -> int:
    """Cosines and sines of every position, in fp32."""
    if not isinstance(job.model, Shape):
        return 0
    return 8 * job.model.max_position_embeddings * job.model.qk_rope_head_dim


def _gradients_between(job: Job) -> int:
    """What one chunk leaves for the next."""
    whole = job.width * job.model.parameters
    return {0: whole, 1: whole + job.bucket, 2: job.width * job.shard, 3: 0}[job.stage]


def _gradients_at_the_end(job: Job) -> int:
    """When all gradients are there and the last are being reduced."""
    whole, copies = job.width * job.model.parameters, 2 if job.processes > 1 else 1
    return {
        0: whole + job.bucket,
        1: whole + job.bucket,
        2: job.width * job.shard + copies * job.bucket,
        3: 2 * job.bucket,
    }[job.stage]


def _folded_weights(job: Job) -> int:
    """The CPU sampler's own arrangement of the weights (training/rollout/decode_weights.py)."""
    if job.cuda:
        return 0
    shape = job.shape
    latent, rotary = shape.kv_lora_rank, shape.qk_rope_head_dim
    source = shape.q_lora_rank or shape.hidden_size
    down = shape.hidden_size * ((shape.q_lora_rank or 0) + latent + 2 * rotary)
    queries = source * shape.num_attention_heads * (latent + 2 * rotary)
    out = shape.num_attention_heads * (latent + rotary) * shape.hidden_size
    wide = shape.expert_parameters if shape.n_routed_experts <= FEW_EXPERTS else 0
    attention = shape.num_hidden_layers * (down + queries + out)
    return job.width * (attention + shape.sparse_layers * wide)
