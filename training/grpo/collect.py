"""Collections: prompts drawn, completed and scored, ready to be trained on.

Each rank collects for itself, without a word to the others, so that a collection can be made in a
thread of its own while the ranks train on the one before. What is drawn and written follows from
the cursor it starts from and the policy it samples from: nothing else is remembered here.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from training.config import RunConfig
from training.grpo.rollouts import Group, candidate, part_flat, text_of
from training.rewards import RewardPool
from training.rollout import Completion, Engine, Sampling
from training.rollout.engine import Guesses
from training.tasks import Problem, Task, Template
from training.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Asked:
    """A prompt to be put to the policy."""

    number: int
    """Which prompt of the run it is."""
    problem: Problem
    prompt: str
    tokens: list[int]


@dataclass(frozen=True)
class Cursor:
    """Where a rank's collecting stands between two collections."""

    collections: int = 0
    """Made so far."""
    drawn: int = 0
    """Prompts this rank has drawn."""


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
    groups: list[Group] = field(default_factory=list)
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
        rank: int,
        world_size: int,
    ) -> None:
        self.config, self.rewards, self.rank = config, rewards, rank
        self.task, self.template, self.tokenizer = task, template, tokenizer
        self.prompts_here = config.grpo.prompts_per_step // world_size
        """Of each step."""
        dynamic = config.grpo.dynamic_sampling
        self._rounds = dynamic.max_rounds if dynamic else 1

    def collect(
        self, sampler: Engine, cursor: Cursor, policy_version: int
    ) -> tuple[Collection, Cursor]:
        """Groups for a whole collection, from a policy that has seen `policy_version` optimiser
        steps; and where the next collection starts."""
        steps = self.config.grpo.steps_per_collection
        work = _Work(cursor.collections * steps + 1, policy_version, cursor.drawn)
        wanted = self.prompts_here * steps
        for _ in range(self._rounds):
            self._round(work, wanted - len(work.groups), sampler)
            if len(work.groups) == wanted:
                break
        # A step has a fixed size: what could not be filled otherwise is filled by flat groups.
        filled = wanted - len(work.groups)
        groups = sorted(work.groups + work.flat[:filled], key=lambda group: group.number)
        collection = Collection(
            groups,
            work.flat[filled:],
            Guesses(work.made, work.stood),
            work.rollout_s,
            work.reward_s,
        )
        return collection, Cursor(cursor.collections + 1, work.drawn)

    def _round(self, work: _Work, wanted: int, sampler: Engine) -> None:
        """Put `wanted` prompts to the policy, and score what it writes."""
        started = time.monotonic()
        places = range(work.drawn, work.drawn + wanted)
        asked = [self._draw(place) for place in places]
        work.drawn = places.stop
        completions = self._write(asked, sampler, work.step)
        work.made, work.stood = work.made + sampler.guesses.made, work.stood + sampler.guesses.stood
        sampled = time.monotonic()
        rewards = self.rewards.collect([_key(each) for each in asked])
        work.rollout_s += sampled - started
        work.reward_s += time.monotonic() - sampled
        finished = []
        for each, members in zip(asked, completions, strict=True):
            texts = [text_of(member, self.tokenizer) for member in members]
            finished.append(
                Group(
                    each.problem, each.prompt, each.tokens, members, texts, rewards[_key(each)],
                    number=each.number, policy_version=work.policy_version,
                )
            )  # fmt: skip
        kept, flat = part_flat(finished) if self.config.grpo.dynamic_sampling else (finished, [])
        work.groups += kept
        work.flat += flat

    def _draw(self, place: int) -> Asked:
        """Prompt `place` of this rank. The ranks' prompts interleave by steps, so that every step
        trains on the same prompts however many ranks share them, until some are replaced."""
        step, within = divmod(place, self.prompts_here)
        number = step * self.config.grpo.prompts_per_step + self.rank * self.prompts_here + within
        problem = self.task.training_problem(self.config.seed, number)
        prompt = self.template(problem)
        return Asked(number, problem, prompt, self.tokenizer.encode_prompt(prompt))

    def _write(self, asked: list[Asked], sampler: Engine, step: int) -> list[list[Completion]]:
        """Complete the prompts; a group goes to be scored as soon as its last member is there."""
        size, sampling = self.config.grpo.group_size, Sampling.of(self.config.sampling, step)
        arrived: dict[int, dict[int, Completion]] = defaultdict(dict)
        one_at_a_time = threading.Lock()

        def done(number: int, completion: Completion) -> None:
            place, member = divmod(number, size)
            with one_at_a_time:
                arrived[place][member] = completion
                complete = len(arrived[place]) == size
            if complete:
                members = [arrived[place][member] for member in range(size)]
                seen = [
                    candidate(each, self.tokenizer, sampling.max_new_tokens) for each in members
                ]
                self.rewards.submit(_key(asked[place]), asked[place].problem, seen)

        completions = sampler.generate(
            [each.tokens for each in asked],
            group_size=size,
            sampling=sampling,
            seeds=[derive_seed(self.config.seed, each.number) for each in asked],
            eos_id=self.tokenizer.eos_id,
            done=done,
        )
        return [completions[start : start + size] for start in range(0, len(completions), size)]


def _key(asked: Asked) -> tuple[str, int]:
    return ("train", asked.number)


def derive_seed(seed: int, number: int) -> int:
    """A seed of its own for each prompt of the run, below 2⁶³."""
    digest = hashlib.sha256(f"sampling/{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
