"""One optimiser step on scored groups.

B completions of this rank, T time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from training.batch import Batch, make_batch
from training.chunks import Sequence, cut, split_to
from training.config import OptimConfig, RunConfig
from training.distributed.engine import Engine, StepResult
from training.grpo.aggregation import Whole, aggregate
from training.grpo.loss import Scored, part_loss
from training.grpo.rollouts import Group
from training.grpo.stopwatch import Stopwatch
from training.grpo.tally import Tally
from training.grpo.telling import Seen
from training.model import CompletionLogprobs, MtpMode, Policy, completion_logprobs
from training.model.policy import shares_prompts


@dataclass(frozen=True)
class Minibatch:
    """This rank's completions of one step, group by group."""

    batch: Batch
    sequences: list[Sequence]
    """Their lengths, by which they are packed into chunks."""
    advantages_B: Tensor
    sampled_BT: Tensor
    """Log-probabilities the sampler gave the tokens; 0 outside the completions."""
    counted_BT: Tensor
    """Bool: the completions' tokens that count in the loss."""
    old_BT: Tensor | None = None
    """Likewise under the policy that sampled them, by the trainer's own forward. None: it is the
    present policy, whose own forward serves."""

    def __len__(self) -> int:
        return len(self.advantages_B)

    def chunks(self, engine: Engine, budget: int) -> list[list[int]]:
        """See `chunks_of`."""
        return chunks_of(self.sequences, engine, budget, shared=shares_prompts(engine.policy))

    def part(self, rows: list[int]) -> Minibatch:
        """Some of the rows, without the columns that none of them needs."""
        sequences = [self.sequences[row] for row in rows]
        longest = max(each.prompt + each.completion for each in sequences)

        def cut(x_BT: Tensor) -> Tensor:
            return x_BT[rows, :longest]

        old_BT = None if self.old_BT is None else cut(self.old_BT)
        return Minibatch(
            self.batch.part(rows, longest), sequences, self.advantages_B[rows],
            cut(self.sampled_BT), cut(self.counted_BT), old_BT,
        )  # fmt: skip


def make_minibatch(
    groups: list[Group], device: torch.device, *, mask_truncated: bool = False
) -> Minibatch:
    """All completions of `groups` as one batch."""
    rows = [(group, member) for group in groups for member in range(len(group.completions))]
    prompts = [group.prompt_tokens for group, _ in rows]
    members = [group.completions[member] for group, member in rows]
    experts = [member.experts for member in members if member.experts is not None]
    batch = make_batch(prompts, [member.tokens for member in members], device, experts)

    def spread(values: list[list[float]]) -> Tensor:
        flat = torch.tensor([value for row in values for value in row], device=device)
        zeros_BT = torch.zeros(batch.tokens_BT.shape, device=device)
        return zeros_BT.masked_scatter(batch.completion_BT, flat)

    whole = [not mask_truncated or member.finish_reason != "length" for member in members]
    old = [group.old_logprobs[member] for group, member in rows if group.old_logprobs]
    return Minibatch(
        batch,
        [
            Sequence(number, len(group.prompt_tokens), len(member.tokens))
            for number, group in enumerate(groups)
            for member in group.completions
        ],
        torch.tensor([group.advantages[member] for group, member in rows], device=device),
        spread([member.logprobs for member in members]),
        batch.completion_BT & torch.tensor(whole, device=device)[:, None],
        spread(old) if old else None,
    )


def chunks_of(
    sequences: list[Sequence], engine: Engine, budget: int, *, shared: bool
) -> list[list[int]]:
    """Which sequences go through the model together, `budget` tokens at most.

    All ranks get the same number of chunks, since under ZeRO 3 they gather weights together: a rank
    with fewer splits some, and where it has too few an empty list stands for a chunk that only
    takes part.
    """
    chunks = cut(sequences, budget, shared=shared)
    count = int(engine.process.max(torch.tensor(len(chunks))))
    chunks = split_to(chunks, count)
    return [[] for _ in range(count - len(chunks))] + chunks


def with_old_logprobs(
    groups: list[Group], engine: Engine, config: RunConfig, device: torch.device
) -> list[Group]:
    """Note what the present policy makes of the completions, before it is changed."""
    minibatch = make_minibatch(groups, device)
    old_BT = torch.zeros_like(minibatch.sampled_BT)
    with torch.no_grad():
        for rows in minibatch.chunks(engine, config.hardware.chunk_tokens):
            batch = minibatch.part(rows or [0]).batch
            result = engine.logprobs(
                batch.tokens_BT, batch.mask_BT, batch.completion_BT, config.sampling.temperature,
                experts_BTLK=batch.experts_BTLK,
            )  # fmt: skip
            if rows:
                old_BT[rows, : batch.tokens_BT.shape[1]] = result.logprobs_BT
    flat = iter(old_BT[minibatch.batch.completion_BT].tolist())
    return [
        replace(
            group,
            old_logprobs=[list(islice(flat, len(member.tokens))) for member in group.completions],
        )
        for group in groups
    ]


def update(
    engine: Engine,
    minibatch: Minibatch,
    reference: Policy | None,
    config: RunConfig,
    learning_rate: float,
    *,
    longest: int,
    watch: Stopwatch | None = None,
) -> tuple[StepResult, Tally, Seen]:
    """Train on the minibatch; also what to tell of this rank's tokens, added up and one by one.
    `longest`: most tokens that a completion of this step may have. `watch` is told what the
    reference takes, as "logprobs"."""
    watch = watch or Stopwatch()
    tally, optim = Tally(), config.optim
    whole = whole_step(engine, minibatch, longest)
    chunks = minibatch.chunks(engine, config.hardware.chunk_tokens)
    mtp: MtpMode = "detached" if optim.mtp_weight else "off"
    entropies_BT, trained_BT = (torch.zeros_like(minibatch.sampled_BT) for _ in range(2))
    for number, rows in enumerate(chunks):
        part, last = minibatch.part(rows or [0]), number + 1 == len(chunks)
        batch, temperature = part.batch, config.sampling.temperature
        inputs = (batch.tokens_BT, batch.mask_BT, batch.completion_BT, temperature)
        if not rows:
            engine.take_part(*inputs, mtp=mtp, balance=optim.balance_loss > 0, last=last)
            continue
        result = engine.logprobs(
            *inputs, mtp=mtp, balance=optim.balance_loss > 0, experts_BTLK=batch.experts_BTLK
        )
        with torch.no_grad(), watch.part("logprobs"):
            reference_BT = (
                completion_logprobs(reference, *inputs).logprobs_BT if reference else None
            )
        present_BT = result.logprobs_BT.detach()
        old_BT = present_BT if part.old_BT is None else part.old_BT
        scored = Scored(
            result.logprobs_BT, old_BT, part.sampled_BT, reference_BT, part.advantages_B,
            part.counted_BT,
        )  # fmt: skip
        loss, of_part = part_loss(scored, config.grpo, whole)
        beside, sums = losses_beside(result, part.counted_BT, optim, whole)
        entropies_BT[rows, : old_BT.shape[1]] = result.entropy_BT
        trained_BT[rows, : old_BT.shape[1]] = old_BT
        entropy_BT = result.entropy_BT.where(part.counted_BT, 0.0)
        engine.backward(loss + beside, last=last)
        of_part.add({"entropy": entropy_BT.sum(), **sums})
        tally.join(of_part)
    differences_BT = trained_BT - minibatch.sampled_BT
    seen = Seen(entropies_BT, differences_BT, minibatch.batch.completion_BT)
    return engine.step(learning_rate), tally, seen


def losses_beside(
    result: CompletionLogprobs, counted_BT: Tensor, optim: OptimConfig, whole: Whole
) -> tuple[Tensor, dict[str, Tensor]]:
    """This part's share of the losses beside GRPO's, weighted, and what to tell of them."""
    loss, sums = result.logprobs_BT.new_zeros(()), {}
    if result.mtp_BT is not None:
        guessed_BT = -result.mtp_BT.where(counted_BT, 0.0)
        loss = loss + optim.mtp_weight * aggregate(guessed_BT, counted_BT, "sequence", whole)
        sums["mtp"] = guessed_BT.sum()
    if result.balance_B is not None:
        sums["balance"] = result.balance_B.sum() / whole.completions
        loss = loss + optim.balance_loss * sums["balance"]
    return loss, sums


def whole_step(engine: Engine, minibatch: Minibatch, longest: int) -> Whole:
    """What the ranks' minibatches come to together; `longest` in tokens of a completion."""
    mine = torch.tensor([len(minibatch), int(minibatch.counted_BT.sum())])
    completions, tokens = engine.process.sum(mine).tolist()
    return Whole(completions, tokens, longest)
