"""Curves as SVG that stands in a page: no scripts, coloured by the page's own style."""

from html import escape

from r1web.reports.document import Figure
from r1web.reports.rendering.plot import Point, plot

WIDTH, HEIGHT = 640, 200
LEFT, TOP, RIGHT, BOTTOM = 52, 10, 12, 24


def to_svg(figure: Figure) -> str:
    inner_w, inner_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    drawn = plot(figure.curve, inner_w, inner_h)
    parts = [
        f'<line class="grid" x1="0" x2="{inner_w}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        for y, label in drawn.ticks_y
    ]
    parts += [
        f'<text x="{x:.1f}" y="{inner_h + 18}" text-anchor="middle">{escape(label)}</text>'
        for x, label in drawn.ticks_x
    ]
    if drawn.band:
        parts.append(f'<polygon class="band" points="{_points(drawn.band)}"/>')
    for line in drawn.lines:
        if len(line) == 1:
            parts.append(f'<circle class="dot" cx="{line[0][0]:.1f}" cy="{line[0][1]:.1f}" r="2"/>')
        else:
            parts.append(f'<polyline class="line" points="{_points(line)}"/>')
    label = escape(f"{figure.title}, by step", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<g transform="translate({LEFT},{TOP})">{"".join(parts)}</g></svg>'
    )


def _points(points: list[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
