"""MLflow on its default store, a SQLite file, and what its charts ask for."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

import mlflow

from benchmarks.curves.data import LINE, Floats, names_of
from benchmarks.curves.other import Other, program, shown
from benchmarks.curves.web import Answer

PAGE = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?"
MOST_POINTS = 320
"""That a chart asks for."""
ROW = (
    "INSERT INTO metrics (run_uuid, key, step, value, timestamp, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
)


class Contender(Other):
    READY = "/health"

    def write(self, values: Floats) -> None:
        self._start(values)
        for step, row in enumerate(values.tolist(), 1):
            mlflow.log_metrics(dict(zip(self.names, row, strict=True)), step=step)
        mlflow.end_run()

    def write_many(self, values: Floats) -> None:
        """Straight into its table: its own way takes a second for some hundred points."""
        run = self._start(values)
        mlflow.end_run()
        rows = (
            (run, name, step, value, 1_790_000_000_000 + step)
            for step, row in enumerate(values.tolist(), 1)
            for name, value in zip(self.names, row, strict=True)
        )
        with closing(sqlite3.connect(self.place / "mlflow.db")) as connection, connection:
            connection.executemany(ROW, rows)

    def _start(self, values: Floats) -> str:
        mlflow.set_tracking_uri(f"sqlite:///{self.place}/mlflow.db")
        self.names = names_of(values)
        run: str = mlflow.start_run().info.run_id
        self.runs.append(run)
        return run

    def command(self, port: int) -> list[str]:
        store = f"sqlite:///{self.place}/mlflow.db"
        serve = [program("mlflow"), "server", "--backend-store-uri", store, "--port", str(port)]
        return [*serve, "--workers", "1"]  # one connection asks

    def line(self) -> dict[str, object]:
        answer = self._history(LINE, 1)
        return shown(answer, [point["value"] for point in json.loads(answer.body)["metrics"]])

    def overview(self, runs: int) -> float:
        """A request a chart, one after the other."""
        return sum(self._history(name, runs).seconds for name in self.names)

    def _history(self, name: str, runs: int) -> Answer:
        asked = [("run_ids", run) for run in self.runs[-runs:]]
        asked += [("metric_key", name), ("max_results", str(MOST_POINTS))]
        return self.server.browser.get(PAGE + urlencode(asked))
