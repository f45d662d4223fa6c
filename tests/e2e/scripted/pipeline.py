"""What the scripted trainer writes of a pipeline: stages that are told as the real ones are."""

import threading
from pathlib import Path

from tests.e2e.scripted.trainer import STEP_S, values, write_checkpoint, write_group
from training.config import Planned, RunConfig
from training.journal import Journal

HOLDS = "holds"
"""A stage of this name waits, once begun, for a file of its name in the run's directory."""
TRAINS = ("grpo", "sft", "distill")
SAMPLES = ("grpo", "rejection_sampling", "reward_model")


def score(part: int) -> dict[str, float]:
    """pass@1 and cons@4 with intervals, of the run's task and of a set: the higher the later."""
    found: dict[str, float] = {}
    for prefix, shift in (("eval/", 0.0), ("eval/chains/", 0.1)):
        for name, more in (("pass_at_1", 0.0), ("cons_at_k", 0.05)):
            value = 0.2 + part / 40 + shift + more
            found |= {
                f"{prefix}{name}": value,
                f"{prefix}{name}_low": value - 0.04,
                f"{prefix}{name}_high": value + 0.04,
            }
    return found


def play(journal: Journal, folder: Path, config: RunConfig, stop: threading.Event) -> int:
    """All stages, unless it is asked to stop; the step that it came to."""
    for planned in config.plan:
        journal.stage = planned.name
        turn(journal, planned, "began")
        for step in range(planned.before + 1, planned.last_step + 1):
            hold(folder, planned, stop)
            journal.write("phase", step, phase="sampling")
            if stop.wait(STEP_S):
                return step - 1
            write_step(journal, config, planned, step)
        finish(journal, folder, planned)
    return config.total_steps


def hold(folder: Path, planned: Planned, stop: threading.Event) -> None:
    while planned.name == HOLDS and not (folder / HOLDS).exists() and not stop.wait(STEP_S):
        pass


def write_step(journal: Journal, config: RunConfig, planned: Planned, step: int) -> None:
    if planned.kind in SAMPLES:
        write_group(journal, step)
    journal.write("metrics", step, values=values(step))
    told = {"values": score(step), "problems": 32, "completions_per_problem": 4}
    if planned.kind == "evaluate":
        stage = config.stages[planned.name].model_dump()
        place = step - planned.before - 1
        told["values"] = score(4 * place)
        journal.write("evaluation", step, model=stage["models"][place], **told)
    elif planned.kind in TRAINS and step == planned.last_step:
        journal.write("evaluation", step, **told)


def finish(journal: Journal, folder: Path, planned: Planned) -> None:
    checkpoint = f"checkpoints/step-{planned.last_step:06d}"
    outputs = []
    if planned.kind != "evaluate":
        write_checkpoint(journal, folder, planned.last_step, "stage")
        (folder / checkpoint / "weights").mkdir(exist_ok=True)
    if planned.kind in TRAINS:
        outputs.append({"role": "weights", "path": checkpoint})
    if planned.kind == "reward_model":
        outputs.append({"role": "reward_model", "path": checkpoint})
    if planned.kind == "rejection_sampling":
        data = folder / "datasets" / f"{planned.name}.jsonl"
        data.parent.mkdir(exist_ok=True)
        data.write_text('{"prompt": "1 + 1", "completion": "2"}\n')
        outputs.append({"role": "data", "path": f"datasets/{data.name}", "rows": 1})
    turn(journal, planned, "finished", outputs)


def turn(
    journal: Journal, planned: Planned, state: str, outputs: list[dict[str, object]] | None = None
) -> None:
    journal.write(
        "stage",
        planned.last_step if state == "finished" else planned.before,
        kind=planned.kind,
        state=state,
        first_step=planned.before,
        last_step=planned.last_step,
        outputs=outputs or [],
    )
