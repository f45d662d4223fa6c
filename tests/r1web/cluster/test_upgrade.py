"""What the release before has written and left running, under the present code."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from r1web.cluster import services
from r1web.cluster.models import Lease, Node
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.tail import read_lines
from r1web.rollouts.models import Group, Segment
from r1web.rollouts.packing import key_of
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Checkpoint, Event, State
from tests.r1web.cluster.conftest import default_database
from tests.r1web.cluster.test_database_away import assert_nothing_is_missing
from tests.r1web.cluster.test_supervisor import (
    AttemptOf,
    MakeRun,
    Supervise,
    has_started,
    warnings_of,
)
from tests.r1web.points import points_of
from tests.r1web.rollouts.told import rollouts
from tests.r1web.waiting import until
from tests.recorded import HERE, RECORDED
from training.config import RunConfig


@pytest.mark.django_db
@pytest.mark.parametrize("commit", RECORDED)
def test_its_journal_is_read_whole(commit: str, make_run: MakeRun, attempt_of: AttemptOf) -> None:
    journal = HERE / commit / "events.jsonl"
    run = make_run()
    attempt = attempt_of(run)
    ingest(attempt_id=attempt.pk, lines=read_lines(journal, 0))
    told = Counter(json.loads(line)["type"] for line in journal.read_text().splitlines())
    kept = Counter(Event.objects.filter(run=run).values_list("type", flat=True))
    assert {type_: kept[type_] for type_ in told} == told
    assert not [text for text in warnings_of(run) if "ournal line" in text]
    assert Group.objects.filter(run=run).count() == told["rollouts"]
    assert Checkpoint.objects.filter(run=run).count() == told["checkpoint"]
    assert len(points_of(run, "reward/mean")) == told["metrics"]


@pytest.mark.parametrize("commit", RECORDED)
def test_its_config_is_one_still(commit: str) -> None:
    RunConfig.model_validate_json((HERE / commit / "config.json").read_text())


E03487F = [
    ("accounts", "0002_device_quota"),
    ("alerts", "0002_default_rules"),
    ("cluster", "0004_labels_and_fp8"),
    ("metrics", "0001_initial"),
    ("operations", "0001_initial"),
    ("rollouts", "0003_what_was_not_trained_on"),
    ("runs", "0003_queueing"),
]
"""The newest migrations of commit e03487f."""


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[None]:
    """Without tables; on SQLite and PostgreSQL alike."""
    if connection.vendor == "sqlite":
        with default_database({"NAME": ":memory:"}):
            yield
        return
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    with default_database({"NAME": name}):
        yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def test_a_database_is_migrated_under_a_running_attempt(empty_database: None) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(E03487F)
    old = executor.loader.project_state(E03487F).apps
    user = old.get_model("accounts", "User").objects.create(username="olga")
    project = old.get_model("accounts", "Project").objects.create(slug="sums", name="Sums")
    run = old.get_model("runs", "Run").objects.create(
        project=project,
        owner=user,
        name="sums",
        config={},
        digest="x",
        state="running",
        total_steps=5,
        last_seq=1,
    )
    node = old.get_model("cluster", "Node").objects.create(name="laptop", queue="node.laptop")
    device = old.get_model("cluster", "Device").objects.create(node=node, kind="cpu", index=0)
    attempt = old.get_model("runs", "Attempt").objects.create(
        run=run,
        number=1,
        node=node,
        claimed_at=timezone.now(),
        supervisor_pid=1,
        supervisor_started=1.7e9,
        journal_seq=7,
    )
    old.get_model("cluster", "Lease").objects.create(device=device, attempt=attempt)
    old.get_model("runs", "Event").objects.create(run=run, attempt=attempt, seq=1, payload={})
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    services.heard(attempt_ids=[attempt.pk])
    present = Attempt.objects.get(run__state=State.RUNNING, ended_at=None)
    assert (present.journal_seq, present.supervisor_started) == (7, 1.7e9)
    assert Lease.objects.get(released_at=None).attempt == present
    assert Node.objects.get().devices.count() == 1
    assert services.end_attempt(attempt_id=present.pk, outcome=State.FINISHED, reason="Done.")
    assert list(present.run.events.values_list("seq", flat=True)) == [1, 2]


ROWS = [("rollouts", "0004_fewer_indexes"), ("runs", "0006_one_index_less")]
"""The last migrations under which each completion was a row."""


def test_completions_that_were_rows_are_carried_over(empty_database: None) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(ROWS)
    old = executor.loader.project_state(ROWS).apps
    user = old.get_model("accounts", "User").objects.create(username="olga")
    project = old.get_model("accounts", "Project").objects.create(slug="sums", name="Sums")
    run = old.get_model("runs", "Run").objects.create(
        project=project, owner=user, name="sums", config={}, digest="x", total_steps=5
    )
    attempt = old.get_model("runs", "Attempt").objects.create(run=run, number=1)
    for step in range(1, 131):  # more than a batch, more than a segment
        group = old.get_model("rollouts", "Group").objects.create(
            run=run, attempt=attempt, step=step, index=0, policy_version=0, reward_mean=1.0,
            prompt=f"User: {step}?", question=f"{step}?", answer="a",
        )  # fmt: skip
        for index in (1, 0):
            old.get_model("rollouts", "Completion").objects.create(
                group=group, index=index, text=f"{step} ∑ {index}", reward=index or None,
                rewards={"accuracy": 1.0} if index else {}, advantage=0.5, length=step,
                reward_errors={} if index else {"accuracy": "late"}, finish_reason="stop",
            )  # fmt: skip
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    append_groups([(Attempt.objects.get(), rollouts(131, 0, [0.0]))])
    *groups, added = Group.objects.order_by("pk")
    assert [group.step for group in groups] == list(range(1, 131))
    for group in groups:
        assert (group.prompt, group.size) == (f"User: {group.step}?", 2)
        assert group.prompt_key == key_of(group.prompt)
        first, second = group.completions
        assert (first.text, first.reward) == (f"{group.step} ∑ 0", None)
        assert (first.rewards, first.reward_errors) == ({}, {"accuracy": "late"})
        assert (second.text, second.reward) == (f"{group.step} ∑ 1", 1.0)
        assert (second.rewards, second.length) == ({"accuracy": 1.0}, group.step)
    assert added.segment == Segment.objects.get(number=2)


REFUSE = {
    "sqlite": "CREATE TRIGGER later BEFORE INSERT ON runs_event "
    "BEGIN SELECT RAISE(ABORT, 'a column that must be filled'); END",
    "postgresql": "ALTER TABLE runs_event ADD CONSTRAINT later CHECK (false) NOT VALID",
}
ACCEPT = {
    "sqlite": "DROP TRIGGER later",
    "postgresql": "ALTER TABLE runs_event DROP CONSTRAINT later",
}


@pytest.mark.django_db(transaction=True)
def test_a_supervisor_that_no_longer_fits_the_database_is_followed_by_one_that_does(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    with connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute(REFUSE[connection.vendor])
            MigrationRecorder(connection).record_applied("runs", "9999_later")
        (started.folder / "go-on").touch()
        assert started.process.wait() == 0
        assert "database was migrated, leaving" in started.log()
        cursor.execute(ACCEPT[connection.vendor])
    MigrationRecorder(connection).record_unapplied("runs", "9999_later")
    assert services.adopt(node=started.attempt.node) == [started.attempt.pk]
    until(lambda: Attempt.objects.get(pk=started.attempt.pk).ended_at)
    assert_nothing_is_missing(run)
