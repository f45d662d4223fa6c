"""Where it comes from: what was trained on what, by which code, on which machines."""

from typing import Any

from r1web.provenance.schemas import Ancestor
from r1web.reports.document import Block, Bullets, Cell, Paragraph, Section, Table, cells
from r1web.reports.numbers import MISSING, at, number
from r1web.reports.selectors import addresses
from r1web.reports.selectors.facts import Facts
from r1web.runs.models import Event
from r1web.runs.stage_schemas import StageInputOut, StageOut, StageOutputOut


def training(facts: Facts) -> Section:
    """What was trained on what, stage by stage."""
    rows = [_stage(facts, stage) for stage in facts.stages.stages]
    table = Table(
        title="Stages",
        columns=["Stage", "Kind", "Steps", "State", "From weights", "On data", "Left behind"],
        rows=rows,
        sources=[addresses.data(facts.run.pk, "stages", "stages")],
    )
    return Section("What was trained on what", [table])


def section(facts: Facts) -> Section:
    blocks: list[Block] = [_origin(facts), _versions(facts), _attempts(facts), _cards(facts)]
    blocks += [block for block in (_made(facts), _line(facts)) if block]
    return Section("Provenance", blocks)


def decontamination(facts: Facts) -> Section:
    asked = {at(stage, "evaluation.decontaminate") for stage in facts.tables.values()} - {None}
    if not asked:
        said = "Not looked for: evaluation.decontaminate is not set in any stage of this run."
        return Section("Decontamination", [Paragraph(said)])
    words = ", ".join(str(each) for each in sorted(asked))
    found = [
        f"Left out of training: what shares {words} words in a row with an evaluated problem.",
        "Paraphrases are not found.",
        *_left_out(facts),
    ]
    source = addresses.data(facts.run.pk, "provenance", "provenance")
    return Section("Decontamination", [Bullets(found, [source])])


def _left_out(facts: Facts) -> list[str]:
    told = facts.provenance.decontamination
    if not told:
        return ["How many were left out is not known here: no trainer has told of it."]
    return [
        f"{each.stage}: {number(each.found.left_out)} of {number(each.found.problems)} problems "
        "were left out."
        for each in told
    ]


def _stage(facts: Facts, stage: StageOut) -> list[Cell]:
    weights = [_input(each) for each in stage.inputs if each.role in ("weights", "model")]
    data = [_input(each) for each in stage.inputs if each.role == "data"]
    made = [_output(each) for each in stage.outputs]
    return cells(
        stage.name, stage.kind, f"{stage.done:,} of {stage.steps:,}", stage.state,
        ", ".join(weights) or MISSING, ", ".join(data) or _task(facts.tables[stage.name]),
        ", ".join(made) or "checkpoints",
    )  # fmt: skip


def _input(each: StageInputOut) -> str:
    named = f"stage {each.stage}" if each.stage else each.path or MISSING
    return f"{named} ({each.rows:,} rows)" if each.rows is not None else named


def _output(each: StageOutputOut) -> str:
    return f"{each.path} ({each.rows:,} rows)" if each.rows is not None else each.path


def _task(stage: dict[str, Any]) -> str:
    """A task as its config names it."""
    task = stage.get("task") or {}
    if task.get("type") == "mixture":
        return ", ".join(_task(part) for part in task["parts"])
    return ": ".join(str(task[key]) for key in ("type", "name", "path") if task.get(key))


def _origin(facts: Facts) -> Table:
    run = facts.run
    parent = run.parent
    came = f"#{parent.pk} {parent.name}, step {run.parent_step}" if parent else "none"
    rows = [
        cells("Base weights", str(at(run.config, "model.path") or MISSING)),
        [Cell("Forked from"), Cell(came, href=addresses.page(parent.pk).href if parent else "")],
        cells("Preset", run.preset or "none"),
        cells("Seed", str(run.config.get("seed", MISSING))),
        cells("SHA-256 of the config", run.digest),
        cells("Parameters", number(at(facts.started[-1].payload, "parameters")))
        if facts.started
        else cells("Parameters", MISSING),
    ]
    return Table("Origin", ["", ""], rows, [addresses.page(run.pk, "config")])


def _versions(facts: Facts) -> Block:
    if not facts.started:
        return Paragraph("Versions are not known: no trainer of this run has come up.")
    last = facts.started[-1]
    told = last.payload.get("versions", {})
    rows = [cells(name, str(version)) for name, version in told.items()]
    where = cells("device", f"{last.payload['processes']} × {last.payload['device']}")
    rows += [where, cells("dtype", str(last.payload["dtype"]))]
    return Table(
        "What the trainer ran on",
        ["", "Version"],
        rows,
        [addresses.event(facts.run.pk, last.seq)],
        note="As the last attempt told it." if len(facts.started) > 1 else "",
    )


def _attempts(facts: Facts) -> Block:
    if not facts.attempts:
        return Paragraph("No attempt was made yet.")
    told = {event.attempt_id: event for event in facts.started}
    rows = [
        cells(
            str(each.number), each.node.name if each.node else MISSING, f"{each.start_step:,}",
            _device(told.get(each.pk)), each.outcome or ("under way" if not each.ended_at else "–"),
        )
        for each in facts.attempts
    ]  # fmt: skip
    return Table(
        "Attempts",
        ["Attempt", "Leading node", "After step", "Devices", "Outcome"],
        rows,
        [addresses.page(facts.run.pk, "history")],
    )


def _device(started: Event | None) -> str:
    if started is None:
        return MISSING
    return f"{started.payload['processes']} × {started.payload['device']}"


def _cards(facts: Facts) -> Block:
    if not facts.provenance.datasets:
        return Paragraph("No trainer of this run has told what its data is.")
    rows = [
        cells(
            used.card.name, used.card.role, ", ".join(used.stages),
            f"{used.card.source}: {used.card.origin} {used.card.version or ''}".strip(),
            "without end" if used.card.rows is None else number(used.card.rows),
            MISSING if used.card.seed is None else str(used.card.seed),
            used.card.licence or "not stated", used.card.sha256 or "made, not read",
        )
        for used in facts.provenance.datasets
    ]  # fmt: skip
    columns = ["Dataset", "For", "Stages", "Source", "Rows", "Seed", "Licence", "SHA-256"]
    source = addresses.data(facts.run.pk, "provenance", "provenance")
    return Table("Datasets", columns, rows, [source])


def _line(facts: Facts) -> Table | None:
    """The parents of the newest checkpoint, the newest first."""
    if not facts.provenance.checkpoints:
        return None
    newest = facts.provenance.checkpoints[0]
    rows = [_ancestor(each) for each in newest.line]
    columns = ["Stage", "Steps", "Run", "Code", "Devices", "Changed here"]
    source = addresses.data(facts.run.pk, "provenance", "provenance")
    return Table(f"Parents of the checkpoint of step {newest.step:,}", columns, rows, [source])


def _ancestor(each: Ancestor) -> list[Cell]:
    if each.kind == "beginning":
        return cells("beginning", "", "", "", "", f"{each.said} {each.path}".strip())
    devices = [f"{one.count} × {one.device} on {one.node}" for one in each.devices]
    code = f"{each.code_version} {(each.commit or '')[:12]}{' with changes' * each.dirty}".strip()
    return cells(
        each.stage, f"{each.first_step} to {each.last_step}",
        f"#{each.run.id} {each.run.name}" if each.run else MISSING, code,
        ", ".join(devices) or MISSING, ", ".join(each.changed) or "nothing",
    )  # fmt: skip


def _made(facts: Facts) -> Table | None:
    """The files of data that stages have left."""
    rows = [
        cells(stage.name, each.path, number(each.rows), each.sha256 or MISSING)
        for stage in facts.stages.stages
        for each in stage.outputs
        if each.role == "data"
    ]
    source = addresses.data(facts.run.pk, "stages", "stages")
    return (
        Table("Data made here", ["Stage", "File", "Rows", "SHA-256"], rows, [source])
        if rows
        else None
    )
