"""The report as a model card: YAML that the Hugging Face hub reads, then Markdown."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from r1web.reports.document import (
    Block,
    Bullets,
    Card,
    Cell,
    Figure,
    Link,
    Paragraph,
    Report,
    Sample,
    Table,
)
from r1web.reports.numbers import number

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
TASK = {"type": "text-generation", "name": "Text generation"}


def to_markdown(report: Report) -> bytes:
    return "".join(_lines(report)).encode()


def front_matter(card: Card, name: str) -> dict[str, Any]:
    """The fields of a card's metadata (huggingface.co/docs/hub/model-cards). What nobody has told
    is left out: the hub takes no empty fields."""
    metrics = [_result(result.dataset, result.metric, result.value) for result in card.results]
    told: dict[str, Any] = {
        "license": card.license,
        "base_model": card.base_model,
        "pipeline_tag": TASK["type"],
        "tags": list(card.tags),
        "datasets": list(card.datasets),
        "metrics": list(dict.fromkeys(result.metric for result in card.results)),
        "model-index": [{"name": name, "results": metrics}] if metrics else None,
    }
    return {key: value for key, value in told.items() if value}


def _result(dataset: str, metric: str, value: float) -> dict[str, Any]:
    return {
        "task": TASK,
        "dataset": {"name": dataset, "type": dataset},
        "metrics": [{"type": metric, "value": round(value, 6)}],
    }


def _lines(report: Report) -> Iterator[str]:
    yield "---\n"
    for key, value in front_matter(report.card, report.title).items():
        yield f"{key}: {json.dumps(value, ensure_ascii=False)}\n"  # JSON is YAML
    yield f"---\n\n# {_text(report.title)}\n\n{_text(report.subtitle)} ({_link(report.home)})\n"
    if report.card.license is None:
        yield "\nNo licence is stated.\n"
    for number_, section in enumerate(report.sections, 1):
        yield f"\n## {number_} {_text(section.title)}\n"
        yield from map(_block, section.blocks)


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"\n{_text(block.text)}{_sources(block.sources)}\n"
    if isinstance(block, Bullets):
        return "\n" + "".join(f"- {_text(item)}\n" for item in block.items) + _apart(block.sources)
    if isinstance(block, Table):
        return _table(block)
    return _figure(block) if isinstance(block, Figure) else _sample(block)


def _table(table: Table) -> str:
    head = "".join(f"| {_text(column)} " for column in table.columns)
    rows = "".join("".join(f"| {_cell(cell)} " for cell in row) + "|\n" for row in table.rows)
    note = f"\n{_text(table.note)}\n" if table.note else ""
    return (
        f"\n**{_text(table.title)}**{_sources(table.sources)}\n\n"
        f"{head}|\n{'|---' * len(table.columns)}|\n{rows}{note}"
    )


def _figure(figure: Figure) -> str:
    """Markdown draws no curves: where they begin and end, and where their points are."""
    curve, unit = figure.curve, f", {figure.unit}" if figure.unit else ""
    return (
        f"\n**{_text(figure.title)}**{_text(unit)}: {number(curve.values[0])} at step "
        f"{number(curve.steps[0])}, {number(curve.values[-1])} at step {number(curve.steps[-1])}; "
        f"{_text(figure.note)}{_sources(figure.sources)}\n"
    )


def _sample(sample: Sample) -> str:
    return (
        f"\n**{_text(sample.title)}**: {_text(sample.facts)}{_sources(sample.sources)}\n\n"
        f"Question:\n\n{_code(sample.question)}\nCompletion:\n\n{_code(sample.text)}"
    )


def _code(text: str) -> str:
    """Within a fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def _cell(cell: Cell) -> str:
    shown = f"[{_text(cell.text)}]({cell.href})" if cell.href else _text(cell.text)
    return f"{shown} ({_text(cell.beside)})" if cell.beside else shown


def _sources(sources: Sequence[Link]) -> str:
    links = " · ".join(map(_link, sources))
    return f" ({links})" if links else ""


def _apart(sources: Sequence[Link]) -> str:
    return f"\nData:{_sources(sources)}\n" if sources else ""


def _link(link: Link) -> str:
    return f"[{_text(link.text)}]({link.href})"


def _text(text: str) -> str:
    """As it is, on one line, whatever Markdown or HTML is in it."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
