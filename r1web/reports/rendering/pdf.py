"""The report as a PDF: A4, text that can be found and copied, curves as vectors, links that work.

What our fonts have no sign for stands as □, and a line under the title says how often; the page has
the text itself.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, TextEmphasis, WrapMode, XPos, YPos

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
from r1web.reports.rendering.plot import Point, plot

FONTS = Path(__file__).parent.parent / "fonts"
FILES = {
    "Inter": "Inter-Regular.ttf",
    "InterB": "Inter-SemiBold.ttf",
    "Mono": "JetBrainsMono-Regular.ttf",
}
TEXT, QUIET, LINE, CURVE = (28, 32, 36), (91, 99, 107), (217, 221, 225), (0, 114, 178)
BAND = (208, 229, 241)
MARGIN, LEAD = 18.0, 4.6
"""Millimetres: of the page, and from line to line."""
PLOT_H, PLOT_LEFT = 34.0, 12.0
MISSING = "□"


@cache
def _signs() -> frozenset[int]:
    """Code points that all our fonts have."""
    maps = [set(TTFont(FONTS / file).getBestCmap()) for file in FILES.values()]
    return frozenset(set.intersection(*maps)) | {ord("\n")}


def to_pdf(report: Report) -> bytes:
    return _Document(report).written()


class _Document:
    """One report on its pages; fpdf2 keeps where the next line goes."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.missing = 0
        self.pdf = _Pages()
        self.pdf.set_title(report.title)
        self.pdf.set_creator("r1web")
        self.pdf.set_lang("en")
        for family, file in FILES.items():
            self.pdf.add_font(family, fname=FONTS / file)

    def written(self) -> bytes:
        self.pdf.add_page()
        self._say(self.report.title, size=20, family="InterB", lead=9)
        self._say(self.report.subtitle, colour=QUIET)
        self._links([self.report.home])
        for number, section in enumerate(self.report.sections, 1):
            self._section(number, section)
        if self.missing:
            self._gap(4)
            self._say(
                f"{self.missing:,} characters that the fonts of this file do not have stand as "
                f"{MISSING}; the report as a page has them.",
                size=8,
                colour=QUIET,
            )
        return bytes(self.pdf.output())

    def _section(self, number: int, section: Section) -> None:
        first = section.blocks[0]
        self._room(PLOT_H + 42 if isinstance(first, Figure) else 34)
        self._gap(7)
        self.pdf.start_section(section.title)
        self._say(f"{number}  {section.title}", size=14, family="InterB", lead=7)
        self._gap(1)
        for block in section.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        if isinstance(block, Paragraph):
            self._say(block.text)
        elif isinstance(block, Bullets):
            for item in block.items:
                self._say(f"•  {item}")
        elif isinstance(block, Table):
            self._table(block)
        elif isinstance(block, Figure):
            self._figure(block)
        else:
            self._sample(block)
        self._links(block.sources)
        self._gap(3)

    def _table(self, table: Table) -> None:
        self._room(24)
        self._say(table.title, size=9.5, family="InterB")
        if not table.rows:
            return
        self._font("Inter", 8, TEXT)
        self.pdf.set_draw_color(*LINE)
        headed = any(table.columns)
        with self.pdf.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=_widths(table),
            first_row_as_headings=headed,
            headings_style=FontFace(family="Inter", emphasis=TextEmphasis.NONE, color=QUIET),
            line_height=LEAD,
            padding=(0.6, 1.5, 0.6, 0),
            text_align="LEFT",
        ) as grid:
            if headed:
                grid.row([self._drawable(column) for column in table.columns])
            for cells in table.rows:
                row = grid.row()
                for cell in cells:
                    row.cell(self._drawable(_both(cell)), link=cell.href or None)
        if table.note:
            self._say(table.note, size=7.5, colour=QUIET)

    def _figure(self, figure: Figure) -> None:
        self._room(PLOT_H + 26)
        unit = f", {figure.unit}" if figure.unit else ""
        self._say(f"{figure.title}{unit}", size=9.5, family="InterB")
        with self.pdf.local_context():
            self._plot(figure)
        self._say(figure.note, size=7.5, colour=QUIET)

    def _plot(self, figure: Figure) -> None:
        left, top = self.pdf.l_margin + PLOT_LEFT, self.pdf.get_y() + 2
        drawn = plot(figure.curve, self.pdf.epw - PLOT_LEFT - 2, PLOT_H)
        self._font("Inter", 7, QUIET)
        self.pdf.set_draw_color(*LINE)
        self.pdf.set_line_width(0.15)
        for y, label in drawn.ticks_y:
            self.pdf.line(left, top + y, self.pdf.w - self.pdf.r_margin - 2, top + y)
            width = self.pdf.get_string_width(label)
            self.pdf.text(left - 1.5 - width, top + y + 0.9, label)
        for x, label in drawn.ticks_x:
            width = self.pdf.get_string_width(label)
            self.pdf.text(left + x - width / 2, top + PLOT_H + 4, label)
        self._lines(drawn.lines, drawn.band, left, top)
        self.pdf.set_y(top + PLOT_H + 6)

    def _lines(
        self, lines: Sequence[Sequence[Point]], band: Sequence[Point], left: float, top: float
    ) -> None:
        def moved(points: Sequence[Point]) -> list[Point]:
            return [(left + x, top + y) for x, y in points]

        self.pdf.set_fill_color(*BAND)
        if len(band) > 2:
            self.pdf.polygon(moved(band), style="F")
        self.pdf.set_draw_color(*CURVE)
        self.pdf.set_fill_color(*CURVE)
        self.pdf.set_line_width(0.35)
        for line in lines:
            if len(line) == 1:
                self.pdf.circle(*moved(line)[0], 0.5, style="F")
            else:
                self.pdf.polyline(moved(line))

    def _sample(self, sample: Sample) -> None:
        self._room(30)
        self._say(sample.title, size=9.5, family="InterB")
        self._say(sample.facts, size=8, colour=QUIET)
        for label, text in (("Question", sample.question), ("Completion", sample.text)):
            self._say(label, size=7.5, colour=QUIET)
            self._say(text or "(empty)", size=7.5, family="Mono", lead=3.8)

    def _links(self, sources: Sequence[Link]) -> None:
        if not sources:
            return
        self._font("Inter", 7.5, CURVE)
        self.pdf.write(LEAD, "Data: ")
        for place, link in enumerate(sources):
            self.pdf.write(LEAD, " · " if place else "")
            self.pdf.write(LEAD, self._drawable(link.text), link=link.href)
        self.pdf.ln(LEAD)

    def _say(
        self,
        text: str,
        *,
        size: float = 9,
        family: str = "Inter",
        colour: tuple[int, int, int] = TEXT,
        lead: float = LEAD,
    ) -> None:
        self._font(family, size, colour)
        shown = self._drawable(text)
        self.pdf.multi_cell(
            0, lead, shown, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=WrapMode.WORD
        )

    def _font(self, family: str, size: float, colour: tuple[int, int, int]) -> None:
        self.pdf.set_font(family, size=size)
        self.pdf.set_text_color(*colour)

    def _drawable(self, text: str) -> str:
        known = _signs()
        shown = [sign if ord(sign) in known else MISSING for sign in text.expandtabs(4)]
        self.missing += sum(a != b for a, b in zip(shown, text.expandtabs(4), strict=True))
        return "".join(shown)

    def _gap(self, height: float) -> None:
        self.pdf.set_y(self.pdf.get_y() + height)

    def _room(self, height: float) -> None:
        """What follows begins on the next page where so much does not fit on this one."""
        if self.pdf.will_page_break(height):
            self.pdf.add_page()


class _Pages(FPDF):
    """With the page's number at the foot."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("Inter", size=7.5)
        self.set_text_color(*QUIET)
        self.cell(0, 5, f"Page {self.page_no()}", align="R")


def _both(cell: Cell) -> str:
    return f"{cell.text} ({cell.beside})" if cell.beside else cell.text


def _widths(table: Table) -> list[float]:
    """In proportion to the longest text of each column, none below a third of the widest."""
    longest = [
        max([len(head), *(len(_both(row[place])) for row in table.rows)])
        for place, head in enumerate(table.columns)
    ]
    widest = min(max(longest), 60)
    return [max(min(length, widest), widest / 3, 6) for length in longest]
