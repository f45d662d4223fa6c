"""Sequences being written: which rows they have, what is drawn, when they end, who comes next.

B rows, b of them that begin, S steps, D hidden_size, V vocabulary,
L sparse layers, K experts of a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.rollout.engine import Completion, FinishReason
from training.rollout.order import Order
from training.rollout.prefill import Waiting
from training.rollout.stopping import StopStrings

ROW_MULTIPLE = 16
"""Rows of a matrix tile: fewer than these cost the same, and few distinct batch sizes let the
matrix library reuse its plans."""


class Model(Protocol):
    """Reads the newest tokens and tells what may come next."""

    def read(self, tokens_BS: Tensor, positions_BS: Tensor, cache: Any, /) -> Tensor: ...
    def logits(self, hidden_BD: Tensor, /) -> Tensor: ...


@dataclass
class Rows:
    """State of each row; what stands in a row that is free means nothing."""

    ids_B: Tensor
    """Number of the row's sequence in the order."""
    keys_B: Tensor
    counts_B: Tensor
    """Tokens written."""
    positions_B: Tensor
    """Where the newest token stands, which has not been read yet."""
    newest_B: Tensor
    alive_B: Tensor
    tokens_BS: Tensor
    logprobs_BS: Tensor
    experts_BSLK: Tensor
    """With routing replay the experts of each token that was read, int16; else without layers."""

    @classmethod
    def free(
        cls, rows: int, steps: int, device: torch.device, experts: tuple[int, int] = (0, 0)
    ) -> Rows:
        """`experts`: sparse layers and experts of a token, when they are to be noted."""
        numbers = [torch.zeros(rows, dtype=torch.long, device=device) for _ in range(5)]
        room = (rows, steps + 1)  # rows that have ended go on writing into the last
        return cls(
            *numbers,
            alive_B=torch.zeros(rows, dtype=torch.bool, device=device),
            tokens_BS=torch.zeros(room, dtype=torch.long, device=device),
            logprobs_BS=torch.zeros(room, device=device),
            experts_BSLK=torch.zeros(*room, *experts, dtype=torch.int16, device=device),
        )

    def keep(self, rows: Tensor) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name)[rows])


class Running:
    """The batch that is being written. A row whose sequence has ended is computed on, unseen, until
    another takes its place or it is dropped."""

    def __init__(self, order: Order, waiting: Waiting, rows: Rows, caches: list[Any]) -> None:
        self.order, self.waiting, self.rows, self.caches = order, waiting, rows, caches
        self.leave = order.carry.leave * len(waiting) // max(len(order.open), 1)
        self.alive = 0
        self.read_experts: dict[int, Tensor] = {}
        """With routing replay: those of what each sequence began with, by its number."""

    def begin(self) -> tuple[Tensor, Tensor] | None:
        """When enough rows are free, give them to sequences that wait: rows [b] that begin, and
        states [b, D] that tell their first tokens."""
        state, batch = self.rows, len(self.rows.ids_B)
        enough = max(1, int(self.caches[0].compact_share * batch))
        if not self.waiting or batch - self.alive < enough:
            return None
        rows = (~state.alive_B).nonzero().squeeze(1)
        groups = self.waiting.take(len(rows))
        sizes = [len(numbers) for _, numbers in groups]
        rows = rows[: sum(sizes)]
        parts = rows.split(sizes)
        for place, cache in enumerate(self.caches):
            kept = [beginning.caches[place] for beginning, _ in groups]
            cache.place(list(zip(kept, parts, strict=True)))
        states = []
        for (beginning, numbers), part in zip(groups, parts, strict=True):
            state.ids_B[part] = state.ids_B.new_tensor(numbers)
            state.positions_B[part] = beginning.length - 1
            if self.order.sampling.routing_replay and beginning.experts_TLK is not None:
                self.read_experts |= dict.fromkeys(numbers, beginning.experts_TLK.cpu())
            states.append(beginning.hidden_D.expand(len(numbers), -1))
        state.keys_B[rows] = self.order.keys_A[state.ids_B[rows]]
        state.counts_B[rows], state.alive_B[rows] = 0, True
        for row, number in zip(rows.tolist(), state.ids_B[rows].tolist(), strict=True):
            if (begun := self.order.carry.begun.get(number)) is not None:
                self._continue(row, begun)
        self.alive += len(rows)
        return rows, torch.cat(states)

    def _continue(self, row: int, begun: Completion) -> None:
        count, state = len(begun.tokens), self.rows
        state.counts_B[row] = count
        state.tokens_BS[row, :count] = state.tokens_BS.new_tensor(begun.tokens)
        state.logprobs_BS[row, :count] = state.logprobs_BS.new_tensor(begun.logprobs)

    def over(self) -> bool:
        """Whether nothing is left to write, or so little that it is left for another call."""
        if not self.waiting and 0 < self.alive <= self.leave:
            alive_B = self.rows.alive_B
            self._finish(alive_B, torch.zeros_like(alive_B), {}, unfinished=True)
        return not self.alive

    def drop(self) -> Tensor | None:
        """Drop rows that have ended when they are many: numbers of those that stay."""
        batch = len(self.rows.ids_B)
        kept = -(-self.alive // ROW_MULTIPLE) * ROW_MULTIPLE
        if self.waiting or not 0 < kept <= (1 - self.caches[0].compact_share) * batch:
            return None
        rows = self.rows.alive_B.sort(descending=True, stable=True).indices[:kept]
        self.rows.keep(rows)
        for cache in self.caches:
            cache.keep(rows)
        return rows

    def note_experts(self, chosen: list[Tensor]) -> None:
        """With routing replay: the experts [B * S, K] in each sparse layer of the newest token and
        of those that were guessed after it."""
        rows = self.rows
        if not rows.experts_BSLK.shape[2] or not chosen:
            return
        experts_BSLK = torch.stack(chosen, 1).unflatten(0, (len(rows.ids_B), -1)).short()
        numbers_B = torch.arange(len(rows.ids_B), device=rows.ids_B.device)
        for ahead, experts_BLK in enumerate(experts_BSLK.unbind(1)):
            rows.experts_BSLK[numbers_B, rows.counts_B - 1 + ahead] = experts_BLK

    def _experts(self, row: int, number: int, count: int) -> npt.NDArray[np.int16] | None:
        if (begun := self.read_experts.pop(number, None)) is None:
            return None
        first = len(begun) - len(self.order.prompt(number))
        written = self.rows.experts_BSLK[row, first : count - 1].cpu()
        return torch.cat((begun, written)).numpy()

    def accept(self, tokens_B: Tensor, logprobs_B: Tensor, taken_B: Tensor | None = None) -> None:
        """Write each running sequence's next token, where `taken_B` is true; finish those that end
        with it."""
        rows, order = self.rows, self.order
        went_B = rows.alive_B if taken_B is None else rows.alive_B & taken_B
        rows.tokens_BS.scatter_(1, rows.counts_B[:, None], tokens_B[:, None])
        rows.logprobs_BS.scatter_(1, rows.counts_B[:, None], logprobs_B[:, None])
        rows.newest_B = torch.where(went_B, tokens_B, rows.newest_B)
        rows.counts_B = rows.counts_B + went_B
        rows.positions_B = rows.positions_B + went_B
        stopped_B = order.stops(tokens_B) & went_B
        strings = self._stop_strings(order.stop, went_B & ~stopped_B) if order.stop else {}
        ended_B = stopped_B | (went_B & (rows.counts_B >= order.sampling.max_new_tokens))
        if strings:
            ended_B[list(strings)] = True
        if bool(ended_B.any()):
            self._finish(ended_B, stopped_B, strings)

    def _stop_strings(self, stop: StopStrings, went_B: Tensor) -> dict[int, str]:
        """Rows whose newest token completes a stop string, and which."""
        found = {}
        counts = self.rows.counts_B.tolist()
        newest = zip(self.rows.newest_B.tolist(), went_B.tolist(), strict=True)
        for row, (token, went) in enumerate(newest):
            count = counts[row]
            if not went or count < self.order.sampling.min_new_tokens:
                continue
            if stop.may_complete(token):
                tail = self.rows.tokens_BS[row, max(0, count - stop.window) : count]
                if (string := stop.completed(tail.tolist())) is not None:
                    found[row] = string
        return found

    def _finish(
        self,
        ended_B: Tensor,
        stopped_B: Tensor,
        strings: dict[int, str],
        *,
        unfinished: bool = False,
    ) -> None:
        rows = self.rows
        rows.alive_B = rows.alive_B & ~ended_B
        for cache in self.caches:
            cache.end(ended_B)
        ended = ended_B.nonzero().squeeze(1)
        self.alive -= len(ended)
        columns = (
            ended, rows.ids_B[ended], rows.counts_B[ended], stopped_B[ended],
            rows.tokens_BS[ended], rows.logprobs_BS[ended],
        )  # fmt: skip
        for row, number, count, stopped, tokens, logprobs in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            string = strings.get(row)
            reason: FinishReason = "unfinished" if unfinished else "length"
            if stopped or string is not None:
                reason = "stop"
            completion = Completion(
                tokens[:count], logprobs[:count], reason, string,
                self._experts(row, number, count),
            )  # fmt: skip
            self.order.finish(number, completion)


def write(model: Model, running: Running) -> None:
    """A token at a time for all sequences."""
    for _ in steps(model, running):
        pass


def stream(model: Model, running: Running) -> Iterator[dict[int, list[int]]]:
    """As `write`, but step by step: after each the tokens that have come, by the number of their
    sequence."""
    told = dict.fromkeys(running.order.open, 0)
    for _ in steps(model, running):
        news = {number: tokens for number, tokens in _news(running, told) if tokens}
        for number, tokens in news.items():
            told[number] += len(tokens)
        yield news


def _news(running: Running, told: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
    rows, found = running.rows, running.order.found
    for number, count in told.items():
        if number in found:
            yield number, found[number].tokens[count:]
    for row in rows.alive_B.nonzero().squeeze(1).tolist():
        number = int(rows.ids_B[row])
        yield number, rows.tokens_BS[row, told[number] : rows.counts_B[row]].tolist()


def steps(model: Model, running: Running) -> Iterator[None]:
    """Write a token of each sequence, whenever the next is asked for."""
    (cache,), order = running.caches, running.order

    def read_and_draw(
        tokens_B1: Tensor, positions_B1: Tensor, keys_B: Tensor, counts_B: Tensor, cache: Any
    ) -> tuple[Tensor, Tensor]:
        """The whole of a step, from a token to the next: on a GPU one graph."""
        hidden_BD = model.read(tokens_B1, positions_B1, cache)
        return order.draw(model.logits(hidden_BD), keys_B, counts_B)

    while True:
        while (begun := running.begin()) is not None:
            accept_first(model, running, *begun)
            yield
        running.drop()
        if running.over():
            return
        rows = running.rows
        newest = (rows.newest_B[:, None], rows.positions_B[:, None])
        drawn = cache.run(read_and_draw, *newest, rows.keys_B, rows.counts_B)
        running.note_experts(cache.chosen)
        running.accept(*drawn)
        yield


def accept_first(model: Model, running: Running, begun: Tensor, hidden_bD: Tensor) -> Tensor:
    """Draw the first token of sequences that begin in these rows; says where they are [B]."""
    rows = running.rows
    tokens_b, logprobs_b = running.order.draw(
        model.logits(hidden_bD), rows.keys_B[begun], rows.counts_B[begun]
    )
    began_B = torch.zeros_like(rows.alive_B)
    began_B[begun] = True
    tokens_B = torch.zeros_like(rows.newest_B)
    tokens_B[begun] = tokens_b
    logprobs_B = logprobs_b.new_zeros(len(began_B))
    logprobs_B[begun] = logprobs_b
    running.accept(tokens_B, logprobs_B, began_B)
    return began_B
