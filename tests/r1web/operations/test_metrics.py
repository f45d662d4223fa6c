"""/metrics: what it says, to whom, and that the dashboard asks for nothing else."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from redis import Redis

from r1web.cluster.models import Device, Lease, Node
from r1web.operations.services import canary_heard, release_canaries
from r1web.runs.models import Attempt, Run, State
from tests.r1web.live.conftest import layer_at

DASHBOARD = Path(django_settings.BASE_DIR) / "ops" / "grafana-dashboard.json"
NAME = re.compile(r"\b((?:r1web|process)_[a-z_]+)")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def redis_answers(settings: Settings, redis_url: str) -> Redis:
    settings.REDIS_URL = redis_url
    settings.CHANNEL_LAYERS = layer_at(redis_url)
    return Redis.from_url(redis_url)


def scrape(**headers: str) -> Samples:
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"r1web_{name}", frozenset(labels.items())]


@pytest.fixture
def training(make_run: Callable[..., Run], runs_dir: Path) -> Run:
    """A run on one of a node's two devices, with 100 bytes of journal and 40 of them read."""
    run = make_run(State.RUNNING)
    node = Node.objects.create(name="n", queue="node.n", disk_free_bytes=7)
    devices = [Device.objects.create(node=node, kind="gpu", index=index) for index in range(2)]
    attempt = Attempt.objects.create(
        run=run,
        number=1,
        node=node,
        journal_offset=40,
        heartbeat_at=timezone.now() - timedelta(seconds=30),
    )
    Lease.objects.create(device=devices[0], attempt=attempt)
    (runs_dir / run.directory_name).mkdir(parents=True)
    (runs_dir / run.directory_name / "events.jsonl").write_text("x" * 100)
    return run


def test_the_state_of_the_installation(
    training: Run, redis_answers: Redis, make_run: Callable[..., Run], settings: Settings
) -> None:
    make_run()
    release_canaries(now=timezone.now() - timedelta(seconds=90))
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    redis_answers.rpush(f"{prefix}node.n", "task", "task")
    samples = scrape()
    redis_answers.delete(f"{prefix}node.n")
    assert value(samples, "up", part="database") == value(samples, "up", part="redis") == 1
    assert value(samples, "runs", state="running") == value(samples, "runs", state="queued") == 1
    assert value(samples, "runs", state="failed") == 0
    assert value(samples, "devices", node="n", kind="gpu", state="leased") == 1
    assert value(samples, "devices", node="n", kind="gpu", state="free") == 1
    assert value(samples, "ingest_lag_bytes", run=str(training.pk)) == 60
    assert value(samples, "supervisor_heartbeat_age_seconds", run=str(training.pk)) >= 30
    assert value(samples, "node_disk_free_bytes", node="n") == 7
    assert value(samples, "canary_waiting_seconds", queue="control") >= 90
    assert value(samples, "beat_age_seconds") >= 90
    assert value(samples, "queue_messages", queue="node.n") == 2
    assert value(samples, "channel_capacity") == 2000


def test_what_is_away_is_said_and_the_rest_still_told(training: Run) -> None:
    samples = scrape()  # the tests' settings name no Redis
    assert value(samples, "up", part="redis") == 0
    assert value(samples, "runs", state="running") == 1


def test_requests_are_counted_by_route_and_never_by_address(db: None) -> None:
    def count(samples: Samples) -> float:
        labels = {"method": "GET", "route": "api/v1/runs/<int:run_id>", "status": "401"}
        return samples.get(("r1web_http_requests_total", frozenset(labels.items())), 0)

    before = count(scrape())
    for run in range(3):
        Client().get(f"/api/v1/runs/{run}")
    after = scrape()
    assert count(after) == before + 3
    assert not [labels for _, labels in after if any("runs/1" in text for _, text in labels)]


def test_a_made_up_method_makes_no_series(db: None) -> None:
    Client().generic("INVENTED", "/api/v1/health/live")
    methods = {dict(labels).get("method") for _, labels in scrape()}
    assert "other" in methods
    assert "INVENTED" not in methods


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads(
    db: None, address: str, headers: dict[str, str], status: int
) -> None:
    answer = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert status == 200 or "R1WEB_METRICS_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "status"), [("Bearer s3cret", 200), ("Bearer other", 403), ("", 403), ("s3cret", 403)]
)
def test_with_a_token_whoever_sends_it_reads(
    db: None, settings: Settings, given: str, status: int
) -> None:
    settings.R1WEB_METRICS_TOKEN = "s3cret"
    headers = {"Authorization": given, "X-Forwarded-For": "10.0.0.7"}
    assert Client().get("/metrics", headers=headers).status_code == status


def test_the_dashboard_asks_for_metrics_that_exist(training: Run, redis_answers: Redis) -> None:
    now = timezone.now()
    for queue in release_canaries(now=now):
        canary_heard(queue=queue, released_at=now)
    scrape()
    there = {name for name, _ in scrape()}
    asked = {
        name
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert len(asked) > 10
    assert asked <= there
    measured = {name for name in there if name.startswith("r1web_") and "_created" not in name}
    assert measured <= asked, "a metric that no panel shows"
