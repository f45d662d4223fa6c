"""The plot of benchmarks/fp8_loss.py: an SVG by hand, readable on light and dark pages."""

from __future__ import annotations

import math
from dataclasses import dataclass

WIDTH, LEFT, RIGHT = 720, 84, 16
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.axis { stroke: #8c959f; fill: none } .grid { stroke: #d0d7de }
.band { fill: #8c959f; opacity: .18 }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round }
.bf16 { stroke: #0969da } .fp8 { stroke: #cf222e } .fp32 { stroke: #8c959f; stroke-width: 1 }
.fp8.top { stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .grid { stroke: #30363d }
  .bf16 { stroke: #4493f8 } .fp8 { stroke: #ff7b72 }
}
"""


@dataclass(frozen=True)
class Panel:
    """A rectangle with a linear x and a linear or logarithmic y."""

    top: int
    height: int
    steps: tuple[int, int]
    low: float
    high: float
    logarithmic: bool = False

    def x(self, step: float) -> float:
        first, last = self.steps
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - first) / (last - first)

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        value = min(max(value, low), high)
        return self.top + self.height * (high - value) / (high - low)

    def frame(self, ticks: dict[float, str], label: str) -> list[str]:
        middle = self.top + self.height / 2
        parts = [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(at):.1f}" '
            f'y2="{self.y(at):.1f}"/><text x="{LEFT - 8}" y="{self.y(at) + 4:.1f}" '
            f'text-anchor="end">{text}</text>'
            for at, text in ticks.items()
        ]
        width = WIDTH - LEFT - RIGHT
        parts.append(
            f'<rect class="axis" x="{LEFT}" y="{self.top}" width="{width}" height="{self.height}"/>'
            f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{label}'
            "</text>"
        )
        return parts

    def line(self, kind: str, values: list[float]) -> str:
        first = self.steps[0]
        points = " ".join(
            f"{self.x(first + place):.1f},{self.y(value):.1f}" for place, value in enumerate(values)
        )
        return f'<polyline class="{kind}" points="{points}"/>'


def plot(
    curves: dict[str, list[float]], apart: dict[str, list[float]], *, first_step: int, bound: float
) -> str:
    """Smoothed losses above, their relative differences from bf16 below; both start at
    `first_step`. `bound` is drawn as a band around 0."""
    steps = (first_step, first_step + len(curves["bf16"]) - 1)
    shown = [*curves["bf16"], *curves["fp8"]]
    wide = max(shown) > 3 * min(shown)
    losses = Panel(28, 210, steps, min(shown) * 0.99, max(shown) * 1.01, logarithmic=wide)
    reach = 1.1 * max(bound, *(abs(value) for values in apart.values() for value in values))
    below = Panel(266, 140, steps, -reach, reach)
    marked = (0.2, 0.3, 0.5, 1, 2, 3, 5) if wide else [tick / 50 for tick in range(500)]
    ticks = [tick for tick in marked if losses.low < tick < losses.high]
    parts = losses.frame({tick: f"{tick:g}" for tick in ticks}, "loss, nats per token")
    parts += [losses.line("bf16", curves["bf16"]), losses.line("fp8 top", curves["fp8"])]
    band = below.y(-bound) - below.y(bound)
    parts.append(
        f'<rect class="band" x="{LEFT}" y="{below.y(bound):.1f}" '
        f'width="{WIDTH - LEFT - RIGHT}" height="{band:.1f}"/>'
    )
    marks = {-bound: f"−{100 * bound:g} %", 0.0: "0", bound: f"+{100 * bound:g} %"}
    parts += below.frame(marks | _far(reach), "difference from bf16")
    parts += [below.line("fp32", apart["fp32"]), below.line("fp8", apart["fp8"])]
    parts += [
        f'<text x="{losses.x(step):.1f}" y="424" text-anchor="middle">{step}</text>'
        for step in range(math.ceil(steps[0] / 50) * 50, steps[1] + 1, 50)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="442" text-anchor="middle">step</text>')
    return _document(parts + _legend())


def _far(reach: float) -> dict[float, str]:
    """Marks at whole percents, where the panel reaches so far."""
    whole = range(1, int(100 * reach) + 1)
    return {
        sign * percent / 100: f"{'+' if sign > 0 else '−'}{percent} %"
        for percent in whole
        for sign in (1, -1)
    }


def _legend() -> list[str]:
    parts, x = [], LEFT
    for kind, text in (("bf16", "bf16"), ("fp8 top", "FP8"), ("fp32", "fp32 (below only)")):
        parts.append(
            f'<polyline class="{kind}" points="{x},14 {x + 24},14"/>'
            f'<text x="{x + 30}" y="18">{text}</text>'
        )
        x += 90
    return parts


def _document(parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 450" role="img" '
        f'aria-label="Loss of pretraining in bf16 and FP8, and their relative difference">'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )
