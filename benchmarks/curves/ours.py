"""The product: journals come in as the supervisor brings them in, and its web server answers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from django.db import transaction
from django.utils import timezone

from benchmarks.curves import disk
from benchmarks.curves.data import LINE, SPIKE, names_of, times_of
from benchmarks.curves.journal import write_journal
from benchmarks.curves.web import Browser, wait_until_served
from r1web.accounts.models import Project
from r1web.accounts.services import ensure_local_operator
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.supervisor.ingest import ingest_together
from r1web.cluster.supervisor.tail import read_lines
from r1web.ledger import services as ledger
from r1web.local import plan
from r1web.local.address import free_port
from r1web.local.database import migrate
from r1web.metrics.services import Known, Sample, append_points
from r1web.runs.models import Attempt, State
from r1web.runs.services import create_run, transition

PRESET = "r1-zero-nano"
OVERVIEW_POINTS = 50
LINES_AT_ONCE = 10_000


class Contender:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        migrate()
        self.operator = ensure_local_operator(folder / "token")
        self.known = Known()
        self.runs: list[int] = []
        self.server: plan.Child | None = None
        self.browser: Browser | None = None

    def append(self, data: str) -> tuple[float, float]:
        """A run's whole journal; seconds from its first byte to the last commit, by the clock and
        of this process's cores."""
        journal = self.folder / "events.jsonl"
        if not journal.exists() or journal.stat().st_mtime < Path(data).stat().st_mtime:
            write_journal(journal, np.load(data))
        attempt = self._attempt()
        self.runs.append(attempt.run_id)
        began, worked = time.perf_counter(), time.process_time()
        offset = 0
        while lines := read_lines(journal, offset):
            done = ingest_together({attempt.pk: lines}, self.known, {})
            if attempt.pk not in done:
                raise RuntimeError("somebody else holds the run")
            offset = lines[-1].end
        seconds = time.perf_counter() - began, time.process_time() - worked
        self.known.forget(attempt.run_id, attempt.pk)
        return seconds

    def fill(self, data: str, runs: int) -> None:
        """Runs with these curves, past journal and events, which takes a fraction of the time."""
        values = np.load(data)
        names, times = names_of(values), times_of(len(values))
        for _ in range(runs):
            attempt = self._attempt()
            self.runs.append(attempt.run_id)
            for begin in range(0, len(values), LINES_AT_ONCE):
                with transaction.atomic():
                    append_points(
                        Sample(attempt, step + 1, times[step], dict(zip(names, row, strict=True)))
                        for step, row in enumerate(
                            values[begin : begin + LINES_AT_ONCE].tolist(), begin
                        )
                    )

    def _attempt(self) -> Attempt:
        """Of a new run of the preset, with the rules that it has by default and a device whose time
        is booked."""
        project = Project.objects.get(slug="default")
        run = create_run(
            owner=self.operator, project=project, preset=PRESET, name="curves", overrides={}
        )
        attempt = Attempt.objects.create(run=run, number=1)
        transition(run=run, to=State.STARTING, reason="", actor="benchmark", attempt=attempt)
        run.save()
        node, _ = Node.objects.get_or_create(name="bench", queue="node.bench")
        device = Device.objects.create(node=node, kind=Device.Kind.CPU, index=run.pk)
        Lease.objects.create(attempt=attempt, device=device)
        ledger.begin(attempt=attempt, since=timezone.now())
        return attempt

    def bytes(self) -> dict[str, int]:
        return disk.sizes()

    def line(self) -> dict[str, object]:
        """The line of the newest run, as the run page asks for it."""
        browser = self._browser()
        answer = browser.get(f"/api/v1/runs/{self.runs[-1]}/metrics?names={LINE}")
        (series,) = json.loads(answer.body)["series"]
        return {
            "seconds": answer.seconds,
            "bytes": answer.bytes,
            "points": series["shown"],
            "spike": SPIKE in (series["max"] or series["values"]),
        }

    def _browser(self) -> Browser:
        if self.browser is None:
            port = free_port()
            self.server = plan.web_server(self.folder, port)
            self.server.start()
            wait_until_served(port, "/api/v1/health/live")
            token = (self.folder / "token").read_text().strip()
            self.browser = Browser(port, {"Authorization": f"Bearer {token}"})
        return self.browser

    def overview(self, runs: int) -> float:
        """All curves of the newest runs."""
        wanted = ",".join(map(str, self.runs[-runs:]))
        answer = self._browser().get(f"/api/v1/metrics?runs={wanted}&max_points={OVERVIEW_POINTS}")
        if len(json.loads(answer.body)["runs"]) != runs:
            raise RuntimeError("some runs are missing")
        return answer.seconds

    def close(self) -> None:
        if self.server is not None and self.server.process is not None:
            self.server.process.terminate()
            self.server.process.wait()
