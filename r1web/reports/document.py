"""A report as data: what its sections say, before it is a page, a PDF or a model card.

Every block has `sources`: addresses of the data behind it. Text is text: whoever
renders it escapes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Link:
    text: str
    href: str


@dataclass(frozen=True)
class Cell:
    text: str
    beside: str = ""
    """Said more quietly after it, such as the paper's number."""
    href: str = ""


@dataclass(frozen=True)
class Paragraph:
    text: str
    sources: Sequence[Link] = ()


@dataclass(frozen=True)
class Bullets:
    items: Sequence[str]
    sources: Sequence[Link] = ()


@dataclass(frozen=True)
class Table:
    """The first column names the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sources: Sequence[Link] = ()
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """Points of one series in order of step; `low` and `high` are its band, as long or empty."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Figure:
    title: str
    unit: str
    curve: Curve
    sources: Sequence[Link] = ()
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """A completion as the model wrote it, and the rule that chose it."""

    title: str
    facts: str
    question: str
    text: str
    sources: Sequence[Link] = ()


Block = Paragraph | Bullets | Table | Figure | Sample


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Result:
    """One evaluation, as a model card tells it to the Hugging Face hub."""

    dataset: str
    metric: str
    value: float


@dataclass(frozen=True)
class Card:
    """What the front matter of a model card says; None where nobody has told it."""

    base_model: str | None
    """A repository of the hub."""
    datasets: Sequence[str]
    results: Sequence[Result]
    tags: Sequence[str]
    license: str | None = None


@dataclass(frozen=True)
class Report:
    title: str
    subtitle: str
    home: Link
    card: Card
    sections: Sequence[Section] = field(default_factory=list)


def cells(*texts: str) -> list[Cell]:
    return [Cell(text) for text in texts]
