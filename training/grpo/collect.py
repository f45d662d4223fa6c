"""Collections: prompts drawn, completed and scored, ready to be trained on.

Each rank collects for itself, without a word to the others, so that a collection can be made in a
thread of its own while the ranks train on the one before. What is drawn and written follows from
the cursor it starts from and the policy it samples from: nothing else is remembered here.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from training.config import RunConfig
from training.grpo.portion import Portion
from training.grpo.rollouts import Group, candidate, part_flat, text_of
from training.rewards import Reward, RewardPool
from training.rollout import Carry, Completion, Engine, Sampling
from training.rollout.engine import Guesses
from training.tasks import Problem, Task, Template
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Asked:
    """A prompt put to the policy."""

    number: int
    """Which prompt of the run it is."""
    problem: Problem
    prompt: str
    tokens: list[int]
    policy_version: int
    """Optimiser steps the policy had seen that began to write."""
    written: tuple[Completion, ...] = ()
    """None yet, or all of this rank's; those that are unfinished are gone on with."""

    @property
    def finished(self) -> bool:
        open_ones = (each for each in self.written if each.finish_reason == "unfinished")
        return bool(self.written) and next(open_ones, None) is None


@dataclass(frozen=True)
class Cursor:
    """Where a rank's collecting stands between two collections."""

    collections: int = 0
    """Made so far."""
    drawn: int = 0
    """Prompts this rank has drawn."""
    carried: tuple[Asked, ...] = ()
    """Begun, and left to the next collection."""
    spare: tuple[Group, ...] = ()
    """Finished, and not needed yet."""


@dataclass(frozen=True)
class Collection:
    """What one rank trains on next."""

    groups: list[Group]
    """In the order of their prompts; an equal share for each step."""
    dropped: list[Group]
    """Flat ones, in whose place others were sampled: told of, and not trained on."""
    guesses: Guesses
    rollout_s: float
    reward_s: float
    """What rewards took beyond the sampling that they overlap with."""


@dataclass
class _Work:
    """A collection in the making."""

    step: int
    """The first that is trained on it."""
    policy_version: int
    drawn: int
    asked: list[Asked]
    groups: list[Group]
    flat: list[Group] = field(default_factory=list)
    """Set aside, with dynamic sampling."""
    made: int = 0
    stood: int = 0
    rollout_s: float = 0.0
    reward_s: float = 0.0


class Collector:
    """Makes the collections of one rank."""

    def __init__(
        self,
        config: RunConfig,
        task: Task,
        template: Template,
        tokenizer: TextTokenizer,
        rewards: RewardPool,
        portion: Portion,
    ) -> None:
        self.config, self.rewards, self.portion = config, rewards, portion
        self.task, self.template, self.tokenizer = task, template, tokenizer
        dynamic = config.grpo.dynamic_sampling
        self._rounds = dynamic.max_rounds if dynamic else 1

    def collect(
        self, sampler: Engine, cursor: Cursor, policy_version: int
    ) -> tuple[Collection, Cursor]:
        """Groups for a whole collection, from a policy that has seen `policy_version` optimiser
        steps; and where the next collection starts."""
        steps = self.config.grpo.steps_per_collection
        work = _Work(
            cursor.collections * steps + 1, policy_version, cursor.drawn,
            asked=list(cursor.carried), groups=list(cursor.spare),
        )  # fmt: skip
        wanted = len(self.portion.prompts) * steps
        for _ in range(self._rounds):
            if len(work.groups) < wanted:
                self._round(work, wanted - len(work.groups), sampler)
        # The oldest first. A step has a fixed size: flat ones fill what could not be filled.
        ready = sorted(work.groups, key=_number)
        filled = max(0, wanted - len(ready))
        collection = Collection(
            groups=sorted(ready[:wanted] + work.flat[:filled], key=_number),
            dropped=work.flat[filled:], guesses=Guesses(work.made, work.stood),
            rollout_s=work.rollout_s, reward_s=work.reward_s,
        )  # fmt: skip
        left = tuple(work.asked), tuple(ready[wanted:])
        return collection, Cursor(cursor.collections + 1, work.drawn, *left)

    def _round(self, work: _Work, wanted: int, sampler: Engine) -> None:
        """Sample until `wanted` prompts or more are completed, and score them."""
        started = time.monotonic()
        self._write(work, wanted, sampler)
        sampled = time.monotonic()
        finished = [each for each in work.asked if each.finished]
        work.asked = [each for each in work.asked if not each.finished]
        rewards = self.rewards.collect([_key(each) for each in finished])
        work.rollout_s += sampled - started
        work.reward_s += time.monotonic() - sampled
        groups = [self._group(each, rewards[_key(each)]) for each in finished]
        kept, flat = part_flat(groups) if self.config.grpo.dynamic_sampling else (groups, [])
        work.groups += kept
        work.flat += flat

    def _write(self, work: _Work, wanted: int, sampler: Engine) -> None:
        """Have enough prompts in hand, and write until `wanted` of them are completed. With
        `sampling.carry_over` more are in hand, and the slowest are left unfinished."""
        spare = math.ceil(wanted * self.config.sampling.carry_over)
        places = range(work.drawn, work.drawn + max(0, wanted + spare - len(work.asked)))
        work.asked += [self._draw(place, work.policy_version) for place in places]
        work.drawn = places.stop
        leave = spare * len(self.portion.members)
        while sum(each.finished for each in work.asked) < wanted:
            work.asked = self._continue(work.asked, sampler, work.step, leave)
            work.made, work.stood = (
                work.made + sampler.guesses.made,
                work.stood + sampler.guesses.stood,
            )
            leave //= 2  # those that are left may be in too many groups

    def _draw(self, place: int, policy_version: int) -> Asked:
        """Prompt `place` of this rank. The ranks' prompts interleave by steps, so that every step
        trains on the same prompts however many ranks share them, until some are replaced."""
        step, within = divmod(place, len(self.portion.prompts))
        number = step * self.config.grpo.prompts_per_step + self.portion.prompts[within]
        problem = self.task.training_problem(self.config.seed, number)
        prompt = self.template(problem)
        return Asked(number, problem, prompt, self.tokenizer.encode_prompt(prompt), policy_version)

    def _continue(self, asked: list[Asked], sampler: Engine, step: int, leave: int) -> list[Asked]:
        """Write on until no more than `leave` completions are unfinished. A group goes to be
        scored as soon as its last member is there."""
        size, sampling = len(self.portion.members), Sampling.of(self.config.sampling, step)
        begun = {
            place * size + member: completion
            for place, each in enumerate(asked)
            for member, completion in enumerate(each.written)
        }
        carry = Carry(leave, begun) if leave or begun else None
        open_ones = Counter(
            number // size
            for number in range(len(asked) * size)
            if number not in begun or begun[number].finish_reason == "unfinished"
        )
        arrived = begun.copy()
        one_at_a_time = threading.Lock()

        def done(number: int, completion: Completion) -> None:
            place = number // size
            with one_at_a_time:
                arrived[number] = completion
                open_ones[place] -= 1
                complete = open_ones[place] == 0
            if complete:
                members = [arrived[place * size + member] for member in range(size)]
                seen = [
                    candidate(each, self.tokenizer, sampling.max_new_tokens) for each in members
                ]
                self.rewards.submit(_key(asked[place]), asked[place].problem, seen)

        completions = sampler.generate(
            [each.tokens for each in asked],
            group_size=size,
            first_member=self.portion.members.start,
            sampling=sampling,
            seeds=[derive_seed(self.config.seed, each.number) for each in asked],
            eos_id=self.tokenizer.eos_id,
            done=done,
            carry=carry,
        )
        return [
            replace(each, written=tuple(completions[place * size : (place + 1) * size]))
            for place, each in enumerate(asked)
        ]

    def _group(self, asked: Asked, rewards: list[Reward]) -> Group:
        texts = [text_of(each, self.tokenizer) for each in asked.written]
        return Group(
            asked.problem, asked.prompt, asked.tokens, list(asked.written), texts, rewards,
            number=asked.number, policy_version=asked.policy_version,
        )  # fmt: skip


def _number(group: Group) -> int:
    return group.number


def _key(asked: Asked) -> tuple[str, int]:
    return ("train", asked.number)


def derive_seed(seed: int, number: int) -> int:
    """A seed of its own for each prompt of the run, below 2⁶³."""
    digest = hashlib.sha256(f"sampling/{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
