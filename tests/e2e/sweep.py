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
    from r1web.runs.models import Run, State  # noqa: PLC0415 - likewise
    from training.config import resolve  # noqa: PLC0415 - likewise

    operator = Membership.objects.select_related("project", "user").order_by("pk")[0]
    made = []
    for number in range(count):
        last = steps_of(number)
        started = datetime.fromtimestamp(START_S + 300 * number, tz=UTC)
        run = Run(
            owner=operator.user,
            project=operator.project,
            preset="r1-zero-nano",
            name=f"sweep-{number:02d}",
            tags=["sweep", "first" if number < count // 2 else "second"],
            config=resolve("r1-zero-nano", config_of(number)).as_json(),
            overrides=config_of(number),
            digest=f"sweep-{number}",
            total_steps=STEPS,
            state=State.FINISHED if last == STEPS else State.STOPPED,
            created_at=started,
            started_at=started,
            ended_at=started,
        )
        with transaction.atomic():
            run.save()
            tell(run, number, started)
            run.save()
        made.append(run.pk)
    return made


def tell(run: Any, number: int, started: datetime) -> None:
    """The points of a run, and a held-out score every ten steps."""
    from r1web.metrics.services import Sample, append_points  # noqa: PLC0415 - likewise
    from r1web.runs.models import Attempt  # noqa: PLC0415 - likewise
    from r1web.runs.services.progress import record_progress  # noqa: PLC0415 - likewise

    attempt = Attempt.objects.create(
        run=run, number=1, started_at=started, claimed_at=started, ended_at=started
    )
    told = []
    for step in range(1, steps_of(number) + 1):
        values = values_of(number, step)
        told.append((step, values))
        if step % 10 == 0:
            score = max(0.0, min(1.0, values["reward/mean"] / 2))
            told.append((step, {"eval/pass_at_1": score}))
    seconds = 2 + number % 3
    append_points(
        Sample(attempt, step, started.timestamp() + step * seconds, values) for step, values in told
    )
    record_progress(run=run, told=told)


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
