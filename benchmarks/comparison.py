"""What it takes to answer for many runs at once: their configs, and the statistics of series.

.venv/bin/python -m benchmarks.comparison --runs 1000
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 7
MEASURED = 200
"""Runs that have points."""
NAMES = ("reward/mean", "eval/pass_at_1", "kl/mean", "completion/length_mean", "entropy/mean")


def fill(count: int, points: int) -> None:
    """A project with runs as a sweep leaves them: each config another one, 60 series each."""
    from django.utils import timezone  # noqa: PLC0415 - after the settings are named

    from r1web.accounts.models import Membership, Project, User  # noqa: PLC0415 - likewise
    from r1web.metrics.services import Sample, append_points  # noqa: PLC0415 - likewise
    from r1web.runs.models import Attempt, Run  # noqa: PLC0415 - likewise
    from training.config import resolve  # noqa: PLC0415 - likewise

    user = User.objects.create_user("bench")
    project = Project.objects.create(slug="bench", name="Bench")
    Membership.objects.create(user=user, project=project, role="owner")
    summary = {f"series/{number}": number / 7 for number in range(60)}
    summary |= dict.fromkeys(NAMES, 0.5) | {"sparkline": [0.123456789] * 60}
    runs = []
    for number in range(count):
        config = resolve("r1-zero-nano", {"seed": number, "grpo": {"kl_coef": number / 1e5}})
        row = Run(project=project, owner=user, name=f"run {number}", preset="r1-zero-nano")
        row.config, row.summary, row.digest = config.as_json(), summary, str(number)
        row.total_steps = row.last_step = points
        runs.append(row)
    runs = Run.objects.bulk_create(runs)
    now = timezone.now()
    attempts = [Attempt(run=run, number=1, started_at=now, ended_at=now) for run in runs]
    for attempt in Attempt.objects.bulk_create(attempts)[:MEASURED]:
        append_points(
            Sample(attempt, step, float(step), dict.fromkeys(NAMES, step * 0.37 % 1))
            for step in range(1, points + 1)
        )


def measured(name: str, path: str, **query: str) -> None:
    """Median time of some rounds of a request, answered in this process, and of its processor."""
    from django.test import Client  # noqa: PLC0415 - likewise

    from r1web.accounts.models import User  # noqa: PLC0415 - likewise

    client = Client()
    client.force_login(User.objects.get(username="bench"))
    ask: Callable[[], int] = lambda: len(client.get(f"/api/v1{path}", query).content)  # noqa: E731
    size, took, worked = ask(), [], []
    for _ in range(ROUNDS):
        begun, before = time.perf_counter(), time.process_time()
        ask()
        took.append(1000 * (time.perf_counter() - begun))
        worked.append(1000 * (time.process_time() - before))
    middle, processor = statistics.median(took), statistics.median(worked)
    print(f"{name}: {middle:.0f} ms, {processor:.0f} of the processor; {size / 1e3:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("R1WEB_HOME", str(Path(home)))
        os.environ["DJANGO_SETTINGS_MODULE"] = "r1web.settings.test"
        import django  # noqa: PLC0415 - likewise

        django.setup()
        from django.db import connection  # noqa: PLC0415 - likewise

        connection.creation.create_test_db(verbosity=0)
        fill(arguments.runs, arguments.points)
        measured(
            f"{arguments.runs} runs", "/comparison", runs=f"1-{arguments.runs}", names=NAMES[0]
        )
        many = {"runs": f"1-{min(arguments.runs, MEASURED)}", "newest": "10"}
        label = f"statistics of {min(arguments.runs, MEASURED)} runs of {arguments.points} points"
        measured(f"{label}, 1 series", "/comparison/statistics", names=NAMES[0], **many)
        measured(
            f"{label}, {len(NAMES)} series", "/comparison/statistics", names=",".join(NAMES), **many
        )
        for count in (20, MEASURED):
            asked = {"runs": ",".join(map(str, range(1, count + 1))), "max_points": "200"}
            measured(f"curves of {count} runs, 1 series", "/metrics", names=NAMES[0], **asked)
        connection.creation.destroy_test_db("", verbosity=0)


if __name__ == "__main__":
    main()
