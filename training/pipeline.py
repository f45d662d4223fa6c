"""The stages of a run, one after the other, each from what the ones before have left.

A run without a pipeline is one stage of GRPO. Where the run goes on from a checkpoint, the stages
that were done by then are passed over.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from training.checkpoint import Checkpoint
from training.config import (
    EvaluateStageConfig,
    Planned,
    RejectionSamplingStageConfig,
    RewardModelStageConfig,
    RunConfig,
)
from training.config.schema.stages import TRAINS_POLICY
from training.distributed.process import Process
from training.events import StageOutput
from training.grpo.evaluating import EvaluateWork
from training.grpo.held_out import build_held_out, rules_only, set_pool
from training.grpo.work import GrpoWork
from training.journal import Journal
from training.loop import Report, run_stage
from training.model.policy import title
from training.preference.work import RewardModelWork
from training.provenance.environment import versions
from training.provenance.lineage import lineage_of
from training.provenance.stage import provenance
from training.rejection.work import RejectionWork
from training.reward_model import reward_model
from training.rewards import RewardPool
from training.setup import Setup, set_up
from training.sft.work import SftWork
from training.sources import Sources
from training.tasks.decontamination import FILE
from training.work import Tell, Work

SCORES = frozenset({"grpo", "rejection_sampling", "reward_model"})
"""Types of stages that score what they sample by the run's rewards."""


class Pipeline:
    """One rank's way through the stages."""

    def __init__(
        self,
        config: RunConfig,
        run_dir: Path,
        process: Process,
        journal: Journal | None,
        stop: Callable[[], bool],
        say: Callable[[str], None],
        report: Report,
    ) -> None:
        """`journal` is rank 0's; the others have none. `say` takes sentences for the person who
        watches, `report` the run's steps with their metrics."""
        self._config, self._run_dir, self._process = config, run_dir, process
        self._journal, self._stop, self._say, self._report = journal, stop, say, report
        self._sources = Sources(config, run_dir)
        self._tokens_total = self._skipped_total = 0
        self._told_start = False

    def run(self, start: Checkpoint | None) -> str:
        """To the end or until asked to stop; how it ended, "finished" or "stopped"."""
        plan = self._config.plan
        if start is not None:
            self._tokens_total = start.manifest.tokens_total
            self._skipped_total = start.manifest.skipped_total
        step = start.manifest.step if start else 0
        for planned in plan:
            last = planned is plan[-1]
            if planned.last_step <= step and not last:
                continue
            here = start if planned.before < step else None
            if not self._stage(planned, here, last=last):
                return "stopped"
        return "finished"

    def _stage(self, planned: Planned, start: Checkpoint | None, *, last: bool) -> bool:
        """Whether its last step is done."""
        if self._journal is not None:
            self._journal.stage = planned.name
        tell = self._teller(planned)
        with ExitStack() as stack:
            stack.callback(_forget)
            setup, work = self._opened(planned, start, tell, stack)
            stack.callback(work.close)
            self._tell_start(setup, work, planned, tell, resumed=start is not None)
            report = self._reporter(planned)
            done = run_stage(setup, work, tell, self._stopped, report, last=last)
            self._tokens_total, self._skipped_total = setup.tokens_total, setup.skipped_total
            if done and self._config.pipeline:
                self._tell_stage(planned, setup.step, "finished", tell, _outputs(work, planned))
        return done

    def _opened(
        self, planned: Planned, start: Checkpoint | None, tell: Tell, stack: ExitStack
    ) -> tuple[Setup, Work]:
        config = self._config.of_stage(planned.name)
        reward = rules_only(config.reward)
        if planned.kind in SCORES:
            reward = self._sources.reward(config.reward, planned)
        config = config.model_copy(update={"reward": reward})
        grader = reward_model(config, self._process.device)
        rewards = stack.enter_context(RewardPool(config.task, reward, grader))
        sets = set_pool(config)
        set_rewards = None if sets is None else stack.enter_context(sets)
        source = self._sources.weights(planned)
        if start is not None and planned.kind in TRAINS_POLICY:
            source = start.path / "weights"
        setup = set_up(
            config, planned, self._run_dir, self._process, rewards, set_rewards, source, start
        )
        setup.tokens_total, setup.skipped_total = self._tokens_total, self._skipped_total
        if not self._config.pipeline:
            return setup, GrpoWork(setup, tell, self._stopped)
        stage = self._config.stages[planned.name]
        match stage:
            case RejectionSamplingStageConfig():
                return setup, RejectionWork(setup, stage, tell, self._stopped)
            case RewardModelStageConfig():
                return setup, RewardModelWork(setup, stage, tell, self._stopped)
            case EvaluateStageConfig():

                def problems(directory: Path, tokenizer: Any) -> Any:
                    return build_held_out(
                        config, setup.task, tokenizer, directory, rewards, set_rewards
                    )

                return setup, EvaluateWork(setup, self._sources.models(planned), problems, tell)
            case _ if stage.type == "grpo":
                return setup, GrpoWork(setup, tell, self._stopped)
            case _:
                return setup, SftWork(setup, stage, self._sources.data(planned), tell)

    def _teller(self, planned: Planned) -> Tell:
        def tell(type_: str, step: int, **fields: Any) -> None:
            if type_ == "phase":
                self._process.enter(fields["phase"], planned.before + step)
            if self._journal is not None:
                self._journal.write(type_, planned.before + step, **fields)

        return tell

    def _reporter(self, planned: Planned) -> Callable[[int, dict[str, float]], None]:
        return lambda step, values: self._report(planned.before + step, values)

    def _stopped(self) -> bool:
        """All ranks ask together, and get the same answer."""
        return self._process.any(self._stop())

    def _tell_start(
        self, setup: Setup, work: Work, planned: Planned, tell: Tell, *, resumed: bool
    ) -> None:
        said = [("info", f"model: {title(setup.model)}")]
        said += [("warning", warning) for warning in setup.warnings]
        said += self._left_out(setup)
        if self._config.pipeline:
            state = "resumed" if resumed else "began"
            self._tell_stage(planned, setup.step, state, tell, [])
            self._say(f"stage {planned.name} ({planned.kind}) {state}")
        for level, message in said:
            self._say(message)
            tell("log", setup.step, level=level, message=message)
        if not self._told_start:
            self._told_start = True
            tell(
                "started", setup.step, start_step=planned.before + setup.step,
                total_steps=self._config.total_steps, processes=self._process.world_size,
                device=str(self._process.device), dtype=setup.precision,
                parameters=work.parameters, versions=versions(),
            )  # fmt: skip
        self._tell_provenance(setup, planned, tell)

    def _tell_provenance(self, setup: Setup, planned: Planned, tell: Tell) -> None:
        found = provenance(setup, self._config, self._sources.data(planned), self._process)
        if found is not None:
            setup.lineage = lineage_of(setup.start, found["stretch"])
            tell("provenance", setup.step, **found)

    def _tell_stage(
        self, planned: Planned, step: int, state: str, tell: Tell, outputs: list[StageOutput]
    ) -> None:
        tell(
            "stage", step, kind=planned.kind, state=state, first_step=planned.before,
            last_step=planned.last_step, inputs=self._sources.told(planned), outputs=outputs,
        )  # fmt: skip

    def _left_out(self, setup: Setup) -> list[tuple[str, str]]:
        """What is told of training problems that are not trained on; rank 0 writes down which."""
        found, ngram = setup.left_out, setup.config.evaluation.decontaminate
        if found is None or ngram is None:
            return []
        if self._process.is_main:
            text = json.dumps(found.as_json(ngram), ensure_ascii=False, indent=1)
            (self._run_dir / FILE).write_text(text + "\n", encoding="utf-8")
        return [("info", found.told(ngram))]


def _outputs(work: Work, planned: Planned) -> list[StageOutput]:
    role = {"reward_model": "reward_model"}.get(planned.kind, "weights")
    path = f"checkpoints/step-{planned.last_step:06d}"
    made = [StageOutput.model_validate({"role": role, "path": path})]
    if planned.kind not in (*TRAINS_POLICY, "reward_model"):
        made = []
    return [*made, *work.outputs()]


def _forget() -> None:
    """Free what a stage has held before the next one begins."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
