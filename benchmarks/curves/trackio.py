"""trackio, and what its page of metrics asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import trackio

from benchmarks.curves.data import LINE, Floats, names_of
from benchmarks.curves.other import Other, folder_bytes, program, shown
from benchmarks.curves.web import Answer


class Contender(Other):
    """All places are projects in one folder, that of TRACKIO_DIR."""

    def write(self, values: Floats) -> None:
        names = names_of(values)
        self.runs.append(f"run {len(self.runs)}")
        trackio.init(project=self.place.name, name=self.runs[-1], embed=False)
        for step, row in enumerate(values.tolist(), 1):
            trackio.log(dict(zip(names, row, strict=True)), step=step)
        trackio.finish()

    def command(self, port: int) -> list[str]:
        os.environ["GRADIO_SERVER_PORT"] = str(port)
        return [program("trackio"), "show", "--project", self.place.name]

    def bytes(self) -> dict[str, int]:
        return folder_bytes(Path(os.environ["TRACKIO_DIR"]))

    def line(self) -> dict[str, object]:
        answer = self._logs(1)
        (run,) = json.loads(answer.body)["data"]
        return shown(answer, [log[LINE] for log in run["logs"]])

    def overview(self, runs: int) -> float:
        return self._logs(runs).seconds

    def _logs(self, runs: int) -> Answer:
        asked = {
            "project": self.place.name,
            "runs": [{"run": name} for name in self.runs[-runs:]],
            "scalar_only": True,
        }
        return self.server.browser.post("/api/get_logs_batch", json.dumps(asked).encode())
