"""Writes a finished sweep into a product's database: runs whose curves follow from their config.

R1WEB_HOME=… .venv/bin/python -m tests.e2e.sweep --runs 60
"""

import argparse
import math
import os
import sys
from datetime import UTC, datetime
from typing import Any

KL_COEFS = (0.0, 0.001, 0.01, 0.1)
LEARNING_RATES = (1e-5, 3e-5, 1e-4)
STEPS = 120
START_S = 1_780_000_000.0


def config_of(number: int) -> dict[str, Any]:
    """Another seed for every twelve runs."""
    return {
        "seed": number // 12,
        "grpo": {"kl_coef": KL_COEFS[number % 4], "steps": STEPS},
        "optim": {"learning_rate": LEARNING_RATES[number // 4 % 3]},
    }


def steps_of(number: int) -> int:
    """Every seventh run was stopped half-way."""
    return STEPS // 2 if number % 7 == 6 else STEPS


def noise(number: int, step: int) -> float:
    """Between -1 and 1, the same each time."""
    return math.sin(12.9898 * step + 78.233 * (number + 1)) * math.cos(step * step + number)


def values_of(number: int, step: int) -> dict[str, float]:
    config = config_of(number)
    kl_coef, rate = config["grpo"]["kl_coef"], config["optim"]["learning_rate"]
    best = 1.9 - 6 * kl_coef - abs(math.log10(rate) + 4.5) / 2 + 0.05 * config["seed"]
    reward = best * step / (step + 2e-3 / rate**0.8) + 0.06 * noise(number, step)
    return {
        "reward/mean": reward,
        "reward/format": min(1.0, step / 30),
        "completion/length_mean": 40 + step / 4 + 3 * noise(number + 1, step),
        "completion/truncated": max(0.0, 0.05 + 0.02 * noise(number, step)),
        "kl/mean": step * 2e-3 / (1 + 100 * kl_coef) * (1.1 + noise(number, step) / 4),
        "entropy/mean": 1.2 / (1 + step / 60) + 0.02 * noise(number, step),
        "optim/grad_norm": 0.8 + 0.2 * noise(number, 2 * step),
        "groups/flat": 0.2 + 0.1 * noise(number, 3 * step),
        "perf/tokens_per_s": 5000.0 + 200 * noise(number, step),
        "tokens/total": 4000.0 * step + step * step,
    }


def fill(count: int) -> list[int]:
    """The numbers of the runs."""
    from django.db import transaction  # noqa: PLC0415 - after the settings are named

    from r1web.accounts.models import Membership  # noqa: PLC0415 - likewise
    from r1web.metrics.services import Sample, append_points  # noqa: PLC0415 - likewise
    from r1web.runs.models import Attempt, State  # noqa: PLC0415 - likewise
    from r1web.runs.services import create_run  # noqa: PLC0415 - likewise
    from r1web.runs.services.progress import record_progress  # noqa: PLC0415 - likewise

    operator = Membership.objects.select_related("project", "user").order_by("pk")[0]
    made = []
    for number in range(count):
        with transaction.atomic():
            run = create_run(
                owner=operator.user,
                project=operator.project,
                preset="r1-zero-nano",
                name=f"sweep-{number:02d}",
                overrides=config_of(number),
                tags=["sweep", "first" if number < count // 2 else "second"],
            )
            last = steps_of(number)
            started = datetime.fromtimestamp(START_S + 300 * number, tz=UTC)
            attempt = Attempt.objects.create(
                run=run, number=1, started_at=started, claimed_at=started, ended_at=started
            )
            told = [(step, values_of(number, step)) for step in range(1, last + 1)]
            for step in range(10, last + 1, 10):
                score = max(0.0, min(1.0, told[step - 1][1]["reward/mean"] / 2))
                told.append((step, {"eval/pass_at_1": score}))
            told.sort(key=lambda item: item[0])
            append_points(
                Sample(attempt, step, started.timestamp() + step * (2 + number % 3), values)
                for step, values in told
            )
            record_progress(run=run, told=told)
            run.started_at = run.ended_at = started
            run.state = State.FINISHED if last == STEPS else State.STOPPED
            run.save()
        made.append(run.pk)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=60)
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.local")
    import django  # noqa: PLC0415 - likewise

    django.setup()
    sys.stdout.write(f"{fill(arguments.runs)}\n")


if __name__ == "__main__":
    main()
