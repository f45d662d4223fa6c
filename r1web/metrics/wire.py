"""Numbers as they travel: JSON has no word for NaN and the infinities, so these are strings."""

import math
from typing import Literal

import numpy as np

from r1web.metrics.codec import Floats

Value = float | Literal["NaN", "Infinity", "-Infinity"]


def wire_value(value: float | None) -> Value:
    """The number, or the word for one that JSON cannot write; None stands for NaN."""
    if value is None or math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def wire_values(values: Floats) -> list[Value]:
    numbers: list[Value] = values.tolist()
    if np.isfinite(values).all():
        return numbers
    return [wire_value(float(number)) for number in numbers]
