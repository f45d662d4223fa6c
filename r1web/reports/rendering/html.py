"""The report as one file of HTML: style within, no scripts, nothing fetched from elsewhere."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from r1web.reports.document import (
    Block,
    Bullets,
    Cell,
    Figure,
    Link,
    Paragraph,
    Report,
    Sample,
    Section,
    Table,
)
from r1web.reports.rendering.svg import to_svg

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def to_html(report: Report) -> bytes:
    return "".join(_page(report)).encode()


def _page(report: Report) -> Iterator[str]:
    title = escape(report.title)
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · report</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>{title}</h1><p>{escape(report.subtitle)} · "
        f"{_link(Link('the run', report.home.href))}</p></header>"
    )
    yield _contents(report.sections)
    for number, section in enumerate(report.sections, 1):
        yield f'<section id="s{number}"><h2>{number} {escape(section.title)}</h2>'
        yield from map(_block, section.blocks)
        yield "</section>"
    yield "</main></body></html>\n"


def _contents(sections: Sequence[Section]) -> str:
    items = (
        f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, 1)
    )
    return f'<nav aria-label="Contents"><ol>{"".join(items)}</ol></nav>'


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}{_sources(block.sources)}</p>"
    if isinstance(block, Bullets):
        items = "".join(f"<li>{escape(item)}</li>" for item in block.items)
        return f"<ul>{items}</ul><p>{_sources(block.sources)}</p>"
    if isinstance(block, Table):
        return _table(block)
    return _figure(block) if isinstance(block, Figure) else _sample(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>'
        + "".join(f"<td>{_cell(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in table.rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if any(table.columns) else ""
    return (
        f'<figure><div class="wide" tabindex="0"><table><caption>{escape(table.title)}'
        f"{_sources(table.sources)}</caption>{head}<tbody>{rows}</tbody></table></div>"
        f"{_note(table.note)}</figure>"
    )


def _figure(figure: Figure) -> str:
    unit = f", {escape(figure.unit)}" if figure.unit else ""
    return (
        f'<figure class="plot"><h3>{escape(figure.title)}{unit}{_sources(figure.sources)}</h3>'
        f"{to_svg(figure)}{_note(figure.note)}</figure>"
    )


def _sample(sample: Sample) -> str:
    return (
        f'<figure class="sample"><h3>{escape(sample.title)}{_sources(sample.sources)}</h3>'
        f'<p class="note">{escape(sample.facts)}</p>'
        f'<p class="label">Question</p><pre>{escape(sample.question)}</pre>'
        f'<p class="label">Completion</p><pre>{escape(sample.text)}</pre></figure>'
    )


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    shown = f'<a href="{escape(cell.href, quote=True)}">{text}</a>' if cell.href else text
    return f'{shown} <span class="beside">{escape(cell.beside)}</span>' if cell.beside else shown


def _sources(sources: Sequence[Link]) -> str:
    links = " · ".join(map(_link, sources))
    return f' <span class="sources">{links}</span>' if links else ""


def _link(link: Link) -> str:
    return f'<a href="{escape(link.href, quote=True)}">{escape(link.text)}</a>'


def _note(note: str) -> str:
    return f'<figcaption class="note">{escape(note)}</figcaption>' if note else ""
