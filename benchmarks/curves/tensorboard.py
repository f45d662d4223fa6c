"""TensorBoard: event files by tensorboardX, and what its page of time series asks for."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

from tensorboardX import SummaryWriter

from benchmarks.curves.data import LINE, Floats, names_of
from benchmarks.curves.other import Other, program, shown
from benchmarks.curves.web import Answer

PAGE = "/data/plugin/timeseries/timeSeries"
FORM = "application/x-www-form-urlencoded"
PATIENCE_S = 300.0


class Contender(Other):
    def write(self, values: Floats) -> None:
        self.names, self.steps = names_of(values), len(values)
        run = len(list(self.place.iterdir()))
        with SummaryWriter(str(self.place / f"run{run}")) as writer:
            for step, row in enumerate(values.tolist(), 1):
                for name, value in zip(self.names, row, strict=True):
                    writer.add_scalar(name, value, step)

    def command(self, port: int) -> list[str]:
        return [program("tensorboard"), "--logdir", str(self.place), "--port", str(port)]

    def line(self) -> dict[str, object]:
        answer = self._loaded(LINE, 1)
        (points,) = _series(answer).values()
        return shown(answer, [point["value"] for point in points])

    def overview(self, runs: int) -> float:
        """A request a card, one after the other."""
        return sum(self._loaded(name, runs).seconds for name in self.names)

    def _loaded(self, tag: str, runs: int) -> Answer:
        """The answer, once the server has read the files to their end."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            asked = urlencode({"requests": json.dumps([{"plugin": "scalars", "tag": tag}])})
            answer = self.server.browser.post(PAGE, asked.encode(), FORM)
            found = _series(answer)
            whole = [points for points in found.values() if points[-1]["step"] == self.steps]
            if len(whole) == runs:
                return answer
            if time.monotonic() > deadline:
                raise RuntimeError(f"{tag}: only {len(whole)} of {runs} runs were read")
            time.sleep(0.5)  # the server reads the files every few seconds


def _series(answer: Answer) -> dict[str, list[dict[str, float]]]:
    (series,) = json.loads(answer.body)
    found: dict[str, list[dict[str, float]]] = series.get("runToSeries", {})
    return found
