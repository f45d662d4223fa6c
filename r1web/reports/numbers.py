"""Numbers as a report writes them."""

import math
from typing import Any

MISSING = "not recorded"


def number(value: object, digits: int = 3) -> str:
    """At most `digits` significant digits below 1000; whole numbers whole, with thousands."""
    if value is None:
        return MISSING
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1000:
        return f"{value:.{digits}g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else short(value)


def short(value: float) -> str:
    """0.0001 as 1e-4."""
    mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else _split(value)
    return f"{float(mantissa):g}e{int(exponent)}"


def _split(value: float) -> tuple[str, str]:
    mantissa, exponent = f"{value:.2e}".split("e")
    return mantissa, exponent


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def interval(low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"


def at(config: object, path: str) -> Any:
    """What stands at a dotted path of nested tables; None where nothing does."""
    for name in path.split("."):
        if not isinstance(config, dict) or name not in config:
            return None
        config = config[name]
    return config
