"""How much r1web bears: trainers, browsers and scripts at once, all of it on this machine.

The product runs as `manage.py up` starts it, on PostgreSQL and Redis (DATABASE_URL, REDIS_URL),
with a database, a key prefix and a data folder of its own, all removed in the end. Runs are created
by REST, scheduled and launched; only the trainers are stand-ins, whose journals one process writes:
50 metrics twice a second, and 64 completions each ten seconds. Browsers follow runs and the list of
them, requests come at the times of a schedule. Then the database is held against the journals.

    .venv/bin/python -m benchmarks.load --seconds 300 --trainers 200 --browsers 500 --requests 100
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.load import browsers, exactness, product, report, requests, trainers
from benchmarks.load.measure import Sampler
from benchmarks.load.plan import Plan, Size
from benchmarks.load.together import Together, Work

BROWSER_PROCESSES = 2
WRITER, ASKER = 0, 1
WORKS: list[Work] = [trainers.write, requests.ask, *[browsers.browse] * BROWSER_PROCESSES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--trainers", type=int, default=200)
    parser.add_argument("--browsers", type=int, default=500)
    parser.add_argument("--requests", type=float, default=100, help="REST requests a second")
    parser.add_argument("--out", type=Path, help="Write the figures as JSON, too.")
    given = parser.parse_args()
    size = Size(given.seconds, given.trainers, given.browsers, given.requests)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    say("Starting the product and a trainer for each run …")
    try:
        with product.installed(size) as home, product.running(size, home) as plan:
            found = report.as_json(measured(plan))
    except KeyboardInterrupt:
        sys.exit(130)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(report.text(found))


def interrupt(*_: object) -> None:
    """End in order, and let nothing disturb that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def say(sentence: str) -> None:
    print(sentence, flush=True)


def measured(plan: Plan) -> report.Result:
    say("Opening the browsers …")
    together = Together(plan, WORKS)
    try:
        return under_load(plan, together)
    finally:
        together.end()


def under_load(plan: Plan, together: Together) -> report.Result:
    """Everything at once; afterwards everybody's figures."""
    product.wait_running(plan)
    together.begin()
    say(f"Measuring for {plan.size.seconds} s …")
    database = urlsplit(os.environ["DATABASE_URL"]).path[1:]
    sampler = Sampler(str(plan.home), database, os.environ["REDIS_URL"])
    sampler.start()
    began, busy = time.monotonic(), busy_seconds()
    time.sleep(plan.size.seconds)  # how long the load is on
    busy_cores = (busy_seconds() - busy) / (time.monotonic() - began)
    sampler.stop()
    together.tell(WRITER, "finish")
    written = together.result_of(WRITER)
    say("Waiting until everything is stored, and comparing …")
    ingested_s = exactness.wait_ingested(plan)
    answers = together.result_of(ASKER)
    for number in range(ASKER + 1, len(WORKS)):
        together.tell(number, exactness.last_seqs())
    seen = [together.result_of(number) for number in range(ASKER + 1, len(WORKS))]
    return report.Result(
        size=plan.size,
        written=written,
        seen=joined(seen, written),
        answers=answers,
        exactness=exactness.compare(plan, ingested_s),
        used=sampler.used(),
        busy_cores=busy_cores,
        dropped=dropped(),
        complaints=product.complaints(plan.home),
    )


def busy_seconds() -> float:
    """Of all cores, since the machine's start."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice + times.irq + times.softirq


def joined(parts: list[browsers.Seen], written: trainers.Written) -> browsers.Seen:
    """All browsers' figures; delays of what was written under load only."""
    return browsers.Seen(
        delays=[
            (at, delay)
            for part in parts
            for at, delay in part.delays
            if written.began <= at <= written.ended
        ],
        counts=sum((part.counts for part in parts), Counter()),
        behind=sum((part.behind for part in parts), Counter()),
    )


def dropped() -> int:
    """Messages that the channel layer had no room for."""
    from r1web.live.backlog import read_backlog  # noqa: PLC0415 - after Django's set-up

    return read_backlog().dropped


if __name__ == "__main__":
    main()
