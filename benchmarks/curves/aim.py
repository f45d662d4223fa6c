"""Aim, and what its page of a run and its explorer of metrics ask for."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import aim

from benchmarks.curves.data import LINE, Floats, names_of
from benchmarks.curves.other import Other, program, shown

DENSITY = 50
"""Points a line in the explorer, unless one asks for more."""


class Contender(Other):
    def write(self, values: Floats) -> None:
        names = names_of(values)
        run = aim.Run(
            repo=aim.Repo.from_path(str(self.place), init=True),
            system_tracking_interval=None,
            capture_terminal_logs=False,
        )
        for step, row in enumerate(values.tolist(), 1):
            run.track(dict(zip(names, row, strict=True)), step=step)
        run.close()
        self.run = run.hash

    def command(self, port: int) -> list[str]:
        return [program("aim"), "up", "--repo", str(self.place), "--port", str(port)]

    def line(self) -> dict[str, object]:
        asked = json.dumps([{"name": LINE, "context": {}}]).encode()
        answer = self.server.browser.post(f"/api/runs/{self.run}/metric/get-batch/", asked)
        (trace,) = json.loads(answer.body)
        return shown(answer, trace["values"])

    def overview(self, runs: int) -> float:
        del runs  # the place holds no others
        asked = urlencode({"p": DENSITY, "q": "metric.name != ''"})
        return self.server.browser.get(f"/api/runs/search/metric/?{asked}").seconds
