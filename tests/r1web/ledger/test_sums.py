"""Whatever happens, sums over phases are the leased time, over stages the run, over runs the
project: exactly."""

from collections import Counter
from collections.abc import Callable

from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1web.cluster.models import Lease
from r1web.cluster.services import end_follower
from r1web.ledger.energy import Energy
from r1web.ledger.models import Booking, Mark, Meter, Price
from r1web.ledger.moments import in_ms
from r1web.ledger.selectors import project_ledger, run_ledger
from r1web.runs.models import Attempt, State
from tests.r1web.ledger.conftest import START, Clock, Story, broken_booking

PHASES = ["loading", "sampling", "rewarding", "training", "evaluating", "checkpointing"]
STAGES = ["grpo", "sft/cold start"]
SKEW = st.sampled_from([0.0, 0.0, -0.4, 30.0, -1e6, 1e9])
PAUSES = st.one_of(st.floats(0, 100), st.sampled_from([0.0005, 3600.0, 2 * 86400.0, -1800.0]))
REWARDS = st.one_of(st.floats(0, 50), st.sampled_from([-1.0, 1e300, "NaN", "Infinity"]))
ACTS = st.one_of(
    st.tuples(st.just("wait"), PAUSES),
    st.tuples(st.just("phase"), st.sampled_from(PHASES), st.sampled_from(STAGES), SKEW),
    st.tuples(st.just("step"), st.floats(0, 50), REWARDS, SKEW),
    st.tuples(st.just("save"), SKEW),
    st.tuples(st.just("evaluate"), SKEW),
    st.tuples(st.just("broken"), st.sampled_from(["phase", "save", "evaluate"]), SKEW),
    st.tuples(st.just("sample"), st.integers(0, 10**7)),
    st.tuples(st.just("leave")),
    st.tuples(st.just("end"), st.sampled_from(["failed", "stopped", "lost", "finished", ""])),
    st.tuples(st.just("again"), st.integers(0, 5)),
)


class Life:
    """Lives a story by what hypothesis draws."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.at = 0

    def act(self, name: str, drawn: tuple[object, ...]) -> None:
        if self.story.attempt is None and name != "wait":
            name, drawn = "again", (drawn[0] if name == "again" else 0,)
        getattr(self, f"do_{name}")(*drawn)

    def do_wait(self, seconds: float) -> None:
        self.story.clock.go(seconds)

    def do_phase(self, phase: str, stage: str, skew_s: float) -> None:
        self.story.tell("phase", self.at, phase=phase, stage=stage, skew_s=skew_s)

    def do_step(self, rollout_s: float, reward_s: float | str, skew_s: float) -> None:
        self.at += 1
        values = {"time/rollout_s": rollout_s, "time/reward_s": reward_s}
        self.story.tell("metrics", self.at, values=values, skew_s=skew_s)

    def do_save(self, skew_s: float) -> None:
        path = f"checkpoints/step-{self.at}"
        self.story.tell("checkpoint", self.at, path=path, bytes=1, reason="stop", skew_s=skew_s)

    def do_evaluate(self, skew_s: float) -> None:
        self.story.tell(
            "evaluation", self.at, values={}, problems=1, completions_per_problem=1, skew_s=skew_s
        )

    def do_broken(self, name: str, skew_s: float) -> None:
        """What the journal says is not booked."""
        drawn = ("training", "grpo", skew_s) if name == "phase" else (skew_s,)
        with broken_booking():
            self.act(name, drawn)

    def do_sample(self, mj: int) -> None:
        self.story.sample(Energy(mj, 9_000) if mj else None)

    def do_leave(self) -> None:
        assert self.story.attempt is not None
        for follower in self.story.attempt.followers.filter(ended_at=None)[:1]:
            end_follower(follower_id=follower.pk, reason="so it goes")

    def do_end(self, said: str) -> None:
        if said in {"failed", "stopped", "finished"}:
            self.story.tell("finished", self.at, outcome=said, reason="So it goes.")
        attempt = self.story.attempt
        self.story.end(State.FAILED)
        for follower in attempt.followers.filter(ended_at=None) if attempt else ():
            end_follower(follower_id=follower.pk, reason="so it goes")

    def do_again(self, which: int) -> None:
        """From the beginning or from one of the checkpoints, as far as its trainer comes."""
        if self.story.attempt is not None:
            self.do_end("")
        steps = [
            0,
            *Mark.objects.filter(attempt__run=self.story.run).values_list("step", flat=True),
        ]
        self.at = steps[which % len(steps)]
        self.story.begin(self.at)
        if which != 5:
            self.story.start(self.at)


def leased_ms(attempt: Attempt) -> int:
    """Of its leases, to their end or to where they are booked."""
    until = Meter.objects.get(attempt=attempt).reading["until_ms"]
    return sum(
        (in_ms(lease.released_at) if lease.released_at else until) - in_ms(lease.created_at)
        for lease in Lease.objects.filter(attempt=attempt)
    )


def booked_ms(**of: object) -> int:
    return Booking.objects.filter(**of).aggregate(ms=Sum("device_ms"))["ms"] or 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(st.tuples(st.integers(0, 1), ACTS), min_size=5, max_size=40))
def test_sums_are_exact(
    make_story: Callable[..., Story], clock: Clock, acts: list[tuple[int, tuple[object, ...]]]
) -> None:
    with transaction.atomic():
        clock.now = START
        look(make_story, acts)
        transaction.set_rollback(True)


def look(make_story: Callable[..., Story], acts: list[tuple[int, tuple[object, ...]]]) -> None:
    lives = [Life(make_story("one", nodes=2, gpus=3)), Life(make_story("two", gpus=1))]
    for which, (name, *drawn) in acts:
        lives[which].act(name, tuple(drawn))
    for life in lives:
        if life.story.attempt is not None:
            life.story.sample()
    attempts = Attempt.objects.filter(run__in=[life.story.run for life in lives])
    for attempt in attempts:
        assert booked_ms(attempt=attempt) == leased_ms(attempt)
    for name in ("device_ms", "measured_ms", "measured_mj"):
        assert not Booking.objects.filter(**{f"{name}__lt": 0}).exists()
    for life in lives:
        by_stage = Counter[str]()
        for row in Booking.objects.filter(run=life.story.run):
            by_stage[row.stage] += row.device_ms
        leased = sum(leased_ms(attempt) for attempt in life.story.run.attempts.all())
        assert by_stage.total() == booked_ms(run=life.story.run) == leased
    project = lives[0].story.run.project
    assert booked_ms(run__project=project) == sum(map(leased_ms, attempts))
    add_prices()
    of_project = project_ledger(project, None, None)
    of_runs = [run_ledger(life.story.run) for life in lives]
    for name in ("device_ms", "micros", "energy_mj"):
        totals = [sum(getattr(total, name) for total in x.totals) for x in (of_project, *of_runs)]
        assert totals[0] == sum(totals[1:]) == sum(getattr(x, name) for x in of_project.runs)


def add_prices() -> None:
    """Such as do not divide by what a millisecond is of an hour."""
    for day, per_hour in (("2026-01-01", "0.333333"), ("2026-03-02", "7.000001")):
        Price.objects.create(device_model="NVIDIA H800", valid_from=day, per_hour=per_hour)
