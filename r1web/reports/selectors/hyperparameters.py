"""All hyper-parameters in the form of the paper's table: a column a stage."""

from collections.abc import Callable, Mapping
from typing import Any

from r1web.reports import paper
from r1web.reports.document import Block, Cell, Link, Paragraph, Section, Table
from r1web.reports.numbers import MISSING, at, number, short
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts
from r1web.runs.stage_schemas import StageOut

Stage = Mapping[str, Any]
ABREAST = 3
"""Stages in one table: more do not fit a page."""
NONE = "–"
"""Where a stage of this kind has no such number."""


def section(facts: Facts) -> Section:
    trained = [name for name, stage in facts.tables.items() if stage["type"] != "evaluate"]
    groups = [trained[begin : begin + ABREAST] for begin in range(0, len(trained), ABREAST)]
    blocks: list[Block] = [_table(facts, names) for names in groups]
    said = f"{paper.COUNTERPARTS} Source of its numbers: {paper.SOURCE}."
    return Section("Hyper-parameters", [*blocks, Paragraph(said)])


def _table(facts: Facts, names: list[str]) -> Table:
    stages = {stage.name: stage for stage in facts.stages.stages}
    columns = []
    for name in names:
        given = facts.tables[name]
        columns.append((given, *paper.counterpart(given, from_base=_from_base(stages[name]))))
    rows = [
        [Cell(label), *(_cell(key, read, *column) for column in columns)]
        for key, label, read in ROWS
    ]
    heads = [
        f"{name} (paper: {theirs})" if theirs else name
        for name, (_, theirs, _) in zip(names, columns, strict=True)
    ]
    used = [row for row in rows if any(cell.text != NONE for cell in row[1:])]
    return Table(
        title="Hyper-parameters" if len(names) == len(stages) else f"Stages {', '.join(names)}",
        columns=["", *heads],
        rows=used,
        sources=[_source(facts)],
    )


def _source(facts: Facts) -> Link:
    return Link("config", addresses.page(facts.run.pk, "config").href)


def _from_base(stage: StageOut) -> bool:
    """Whether no stage of this run made its weights."""
    return all(each.stage is None for each in stage.inputs if each.role == "weights")


def _cell(
    key: str, read: Callable[[Stage], str], stage: Stage, theirs: str, stated: Mapping[str, str]
) -> Cell:
    beside = f"paper: {stated[key]}" if theirs and key in stated else ""
    return Cell(read(stage), beside)


def _plain(path: str) -> Callable[[Stage], str]:
    """As it stands at a path; a dash where the stage has not even the table."""

    def read(stage: Stage) -> str:
        table, _, _ = path.partition(".")
        if table not in stage:
            return NONE
        value = at(stage, path)
        return number(value, 6) if value is not None else MISSING

    return read


def _learning_rate(stage: Stage) -> str:
    first, last = at(stage, "optim.learning_rate"), stage.get("final_learning_rate")
    if first is None:
        return NONE
    return f"{short(first)} → {short(last)}" if last is not None else short(first)


def _clip(stage: Stage) -> str:
    loss = at(stage, "grpo.loss") or {}
    if "clip_eps" in loss:
        return number(loss["clip_eps"])
    if "clip_eps_low" in loss:
        return f"{number(loss['clip_eps_low'])} below, {number(loss['clip_eps_high'])} above"
    return f"weight at most {number(loss['weight_max'])}" if "weight_max" in loss else NONE


def _group_size(stage: Stage) -> str:
    return _number(stage.get("completions_per_prompt", at(stage, "grpo.group_size")))


def _prompts(stage: Stage) -> str:
    return _number(stage.get("prompts_per_step", at(stage, "grpo.prompts_per_step")))


def _batch(stage: Stage) -> str:
    if "sequences_per_step" in stage:
        return _number(stage["sequences_per_step"])
    return _number(_outputs(stage))


def _outputs(stage: Stage) -> int | None:
    """Completions of a step."""
    size = stage.get("completions_per_prompt", at(stage, "grpo.group_size"))
    prompts = stage.get("prompts_per_step", at(stage, "grpo.prompts_per_step"))
    return None if size is None or prompts is None else size * prompts


def _collection(stage: Stage) -> str:
    steps, outputs = at(stage, "grpo.steps_per_collection"), _outputs(stage)
    return _number(None if steps is None or outputs is None else steps * outputs)


def _inner(stage: Stage) -> str:
    """The trainer updates once on each completion."""
    return "1" if "grpo" in stage else NONE


def _max_length(stage: Stage) -> str:
    length, growth = at(stage, "sampling.max_new_tokens"), at(stage, "sampling.growth")
    if length is None:
        return NONE
    later = f", from step {growth['from_step']:,} {growth['max_new_tokens']:,}" if growth else ""
    return f"{length:,}{later}"


def _steps(stage: Stage) -> str:
    return _number(stage.get("steps", at(stage, "grpo.steps")))


def _number(value: float | None) -> str:
    return NONE if value is None else number(value)


ROWS: tuple[tuple[str, str, Callable[[Stage], str]], ...] = (
    ("learning_rate", "Learning rate", _learning_rate),
    ("kl_coef", "KL coefficient β", _plain("grpo.kl_coef")),
    ("clip", "Clip ε", _clip),
    ("loss", "Loss", _plain("grpo.loss.type")),
    ("aggregation", "Aggregation of tokens", _plain("grpo.loss.aggregation")),
    ("scale", "Advantage divided by spread of", _plain("grpo.loss.advantage_scale")),
    ("group_size", "Outputs per question G", _group_size),
    ("prompts", "Questions per step", _prompts),
    ("batch", "Batch", _batch),
    ("collection", "Rollouts per collection", _collection),
    ("inner", "Inner epochs", _inner),
    ("ref_refresh", "Reference refreshed each (steps)", _plain("grpo.ref_refresh_steps")),
    ("temperature", "Temperature", _plain("sampling.temperature")),
    ("top_p", "Top-p", _plain("sampling.top_p")),
    ("max_length", "Max length (tokens)", _max_length),
    ("steps", "Steps", _steps),
    ("warmup", "Warm-up steps", _plain("optim.warmup_steps")),
    ("beta1", "AdamW β₁", _plain("optim.beta1")),
    ("beta2", "AdamW β₂", _plain("optim.beta2")),
    ("weight_decay", "Weight decay", _plain("optim.weight_decay")),
    ("grad_clip", "Gradient clipped to norm", _plain("optim.grad_clip")),
    ("expert_bias_rate", "Expert bias rate γ", _plain("optim.expert_bias_rate")),
)
