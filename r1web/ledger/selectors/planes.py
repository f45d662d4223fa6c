"""Runs and their stages on a plane of score against what it took to get there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.db.models import Max, QuerySet
from django.db.models.fields.json import KeyTextTransform

from r1web.ledger.frontier import best_within, frontier
from r1web.ledger.models import Booking
from r1web.ledger.schemas import Axis, FrontierOut, PointOut
from r1web.ledger.selectors.ledgers import MJ_PER_KWH
from r1web.ledger.selectors.pricing import HOUR_MS, MICRO, NODE_CURRENCY, priced, sums
from r1web.runs.models import Attempt, Event, Run
from r1web.runs.selectors.results import MEASURES, score_of
from r1web.runs.superseded import last_valid_steps
from training.config import PLAIN

MOST_RUNS = 500
OF_RUN = ("id", "name", "state", "summary", "last_step")

Evaluations = Mapping[tuple[str, str | None], Mapping[str, Any]]
"""Values by the stage that evaluated and the model that it was of; None: its own policy."""
Stages = Mapping[str, str]
"""A pipeline's names in order, with the types of its stages."""
Rows = list[Mapping[str, Any]]
"""Sums of bookings, one for each currency."""


@dataclass
class Taken:
    """What was booked, of all currencies."""

    ms: int = 0
    mj: int = 0
    estimated: bool = False
    micros: dict[str, int] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        self.ms += row["ms"]
        self.mj += row["measured"] + row["estimated"]
        self.estimated |= row["estimated"] > 0
        if row["micros"]:
            currency = row["currency"]
            self.micros[currency] = self.micros.get(currency, 0) + row["micros"]


@dataclass(frozen=True)
class Result:
    run: Run
    stage: str | None
    """None: the run has no stages."""
    values: Mapping[str, Any]
    """What was measured of it, by metric."""
    taken: Taken
    """By all that led to it."""


def plane(
    runs: QuerySet[Run], *, metric: str, axis: Axis, currency: str | None, budget: float | None
) -> FrontierOut:
    """Of the newest of the runs, each with its stages; what has no score, or nothing
    booked, is only counted."""
    found = list(runs.only(*OF_RUN).order_by("-pk")[: MOST_RUNS + 1])
    shown = found[:MOST_RUNS]
    results = list(_results(shown))
    currencies = sorted({name for result in results for name in result.taken.micros})
    currency = currency or _usual(currencies)
    points = [x for result in results if (x := _point(result, metric, currency)) is not None]
    placed = [(cost, point) for point in points if (cost := _cost(point, axis)) is not None]
    placed.sort(key=lambda each: each[0])
    offers = [(cost, point.score) for cost, point in placed]
    best = None if budget is None else best_within(offers, budget)
    for place in frontier(offers):
        placed[place][1].on_frontier = True
    return FrontierOut(
        metric=metric,
        axis=axis,
        currency=currency,
        currencies=currencies,
        points=[point for _, point in placed],
        best=None if best is None else placed[best][1],
        runs=len(shown),
        is_whole=len(found) <= MOST_RUNS,
        without_score=len(shown) - len({point.run for point in points}),
        other_currency=len(points) - len(placed),
        metrics=sorted({name for result in results for name in result.values if _is_score(name)}),
    )


def _usual(currencies: Sequence[str]) -> str:
    """Dollars, where anything is paid in them or nothing at all is paid."""
    return NODE_CURRENCY if NODE_CURRENCY in currencies or not currencies else currencies[0]


def _results(runs: Sequence[Run]) -> Iterator[Result]:
    keys = [run.pk for run in runs]
    pipelines, booked = _pipelines(keys), _booked(keys)
    told = _evaluations(list(pipelines))
    for run in runs:
        if (stages := pipelines.get(run.pk)) is None:
            yield Result(run, None, run.summary, _sum(booked[run.pk].values()))
            continue
        names = list(stages)
        # Until the first line of the journal, time is of no stage yet.
        ahead = [rows for stage, rows in booked[run.pk].items() if stage not in names]
        for place, name in enumerate(names, 1):
            upto = [booked[run.pk][one] for one in names[:place]]
            yield Result(run, name, _values(stages, name, told[run.pk]), _sum(ahead + upto))


def _values(stages: Stages, name: str, told: Evaluations) -> Mapping[str, Any]:
    """By the stage's own evaluation, else by the last stage that evaluates its model."""
    judges = [one for one, type_ in stages.items() if type_ == "evaluate"]
    asked = [(name, None), *((judge, name) for judge in reversed(judges))]
    return next((told[each] for each in asked if each in told), {})


def _point(result: Result, metric: str, currency: str) -> PointOut | None:
    score, taken = score_of(result.values, metric), result.taken
    if score is None or not taken.ms:  # what is older than the ledger was not free
        return None
    return PointOut(
        run=result.run.pk,
        name=result.run.name,
        state=result.run.state,
        stage=result.stage,
        score=score.value,
        low=score.low,
        high=score.high,
        device_hours=taken.ms / HOUR_MS,
        micros=taken.micros.get(currency, 0) if set(taken.micros) <= {currency} else None,
        energy_mj=taken.mj,
        energy_estimated=taken.estimated,
        on_frontier=False,
    )


def _cost(point: PointOut, axis: Axis) -> float | None:
    """In the axis' unit: of money a whole unit of the currency, of energy a kilowatt-hour."""
    if axis == "money":
        return None if point.micros is None else point.micros / MICRO
    return point.device_hours if axis == "device_hours" else point.energy_mj / MJ_PER_KWH


def _booked(runs: Sequence[int]) -> Mapping[int, Mapping[str, Rows]]:
    """By run and stage."""
    by = ("run", "stage", "currency")
    rows = priced(Booking.objects.filter(run__in=runs)).values(*by).annotate(**sums()).order_by(*by)
    found: dict[int, dict[str, Rows]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["run"]][row["stage"]].append(row)
    return found


def _sum(groups: Iterable[Rows]) -> Taken:
    taken = Taken()
    for row in chain.from_iterable(groups):
        taken.add(row)
    return taken


def _pipelines(runs: Sequence[int]) -> dict[int, Stages]:
    """Of those that have stages. Read as they are: a config may be older than today's schema."""
    staged = Run.objects.filter(pk__in=runs, config__has_key="pipeline").exclude(
        config__pipeline=[]
    )
    found = staged.values_list("pk", "config__pipeline", "config__stages")
    return {
        key: {name: stages[name]["type"] for name in pipeline} for key, pipeline, stages in found
    }


def _evaluations(runs: Sequence[int]) -> Mapping[int, Evaluations]:
    """The newest by run, without what a later attempt has gone back behind."""
    limits = _limits(runs)
    found: dict[int, dict[tuple[str, str | None], Mapping[str, Any]]] = defaultdict(dict)
    for event in Event.objects.filter(pk__in=_newest(runs)):
        limit = limits.get(event.attempt_id) if event.attempt_id else None
        if limit is None or event.step <= limit:
            payload = event.payload
            found[event.run_id][payload.get("stage", PLAIN), payload.get("model")] = payload[
                "values"
            ]
    return found


def _limits(runs: Sequence[int]) -> dict[int, int | None]:
    """The last step that counts of each attempt."""
    by_run: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in Attempt.objects.filter(run__in=runs):
        by_run[attempt.run_id].append(attempt)
    found: dict[int, int | None] = {}
    for attempts in by_run.values():
        found |= last_valid_steps(attempts)
    return found


def _newest(runs: Sequence[int]) -> list[int]:
    """Keys of evaluations, one for each stage and model of a run."""
    told = Event.objects.filter(run__in=runs, type="evaluation").order_by()
    stage, model = (KeyTextTransform(name, "payload") for name in ("stage", "model"))
    groups = told.annotate(of_stage=stage, of_model=model).values("run", "of_stage", "of_model")
    return list(groups.annotate(last=Max("pk")).values_list("last", flat=True))


def _is_score(name: str) -> bool:
    return name.startswith("eval/") and name.rpartition("/")[2] in MEASURES
