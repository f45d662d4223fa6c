"""What `manage.py doctor` says of an installation that is well, and of one that is not."""

import json
import socket
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from r1web.cluster.models import Node
from r1web.operations import doctor
from r1web.operations.doctor import machine, stores
from r1web.operations.doctor.finding import Finding
from r1web.operations.models import Canary
from r1web.operations.services import canary_heard, release_canaries
from tests.r1web.live.conftest import layer_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def well(settings: Settings, redis_url: str) -> Node:
    """Redis answers, a worker and beat were heard, tasks come through."""
    settings.REDIS_URL = redis_url
    settings.CHANNEL_LAYERS = layer_at(redis_url)
    node = Node.objects.create(name="laptop", queue="node.laptop", heartbeat_at=timezone.now())
    now = timezone.now()
    for queue in release_canaries(now=now):
        canary_heard(queue=queue, released_at=now)
    return node


def found(name: str) -> Finding:
    """The first finding of that name."""
    return next(finding for finding in doctor.examine() if finding.name == name)


def as_json(*, fails: bool) -> dict[str, dict[str, str]]:
    out = StringIO()
    if fails:
        with pytest.raises(SystemExit) as ended:
            call_command("doctor", "--json", stdout=out)
        assert ended.value.code == 1
    else:
        call_command("doctor", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["ok"] is not fails
    return {check["name"]: check for check in report["checks"]}


@pytest.mark.usefixtures("well")
def test_an_installation_that_is_well() -> None:
    report = as_json(fails=False)
    assert {"database", "broker", "channel layer", "cache", "data folder"} <= set(report)
    assert {"gpus", "python", "workers", "beat", "queues", "clock"} <= set(report)
    for name in ("database", "broker", "channel layer", "workers", "beat", "queues", "clock"):
        assert report[name]["level"] == "ok", report[name]


@pytest.mark.usefixtures("well")
def test_the_report_for_people_has_a_line_a_check() -> None:
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "ok    database" in out.getvalue()


@pytest.mark.usefixtures("well")
def test_without_redis_the_rest_is_still_examined(settings: Settings) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{held.getsockname()[1]}/0"
        settings.CHANNEL_LAYERS = layer_at(settings.REDIS_URL)
        report = as_json(fails=True)
    assert report["database"]["level"] == "ok"
    assert report["broker"]["level"] == report["channel layer"]["level"] == "fail"
    assert "REDIS_URL" in report["broker"]["advice"]


@pytest.mark.usefixtures("well")
def test_migrations_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "pending_migrations", lambda: 2)
    finding = found("database")
    assert (finding.level, finding.detail) == ("fail", "2 migrations are missing")
    assert "manage.py migrate" in finding.advice


def test_a_worker_that_fell_silent_is_named(well: Node) -> None:
    Node.objects.create(
        name="gone", queue="node.gone", heartbeat_at=timezone.now() - timedelta(hours=1)
    )
    assert found("workers").detail.endswith("silent: gone")
    well.delete()
    assert found("workers").level == "fail"


@pytest.mark.usefixtures("well")
def test_beat_that_is_not_heard(settings: Settings) -> None:
    Canary.objects.update(released_at=timezone.now() - timedelta(minutes=10))
    assert found("beat").level == "fail"
    Canary.objects.all().delete()
    assert found("beat").detail == "was never heard"


@pytest.mark.usefixtures("well")
def test_each_queue_that_is_not_read_is_named() -> None:
    Canary.objects.update(waiting_since=timezone.now() - timedelta(minutes=2))
    said = [finding.detail for finding in doctor.examine() if finding.name == "queues"]
    assert [detail.partition(":")[0] for detail in said] == ["control", "node.laptop"]


def test_a_node_whose_clock_is_ahead(well: Node) -> None:
    Node.objects.filter(pk=well.pk).update(heartbeat_at=timezone.now() + timedelta(seconds=40))
    finding = found("clock")
    assert finding.level == "fail"
    assert "laptop is +" in finding.detail


@pytest.mark.usefixtures("well")
def test_a_node_whose_clock_is_behind() -> None:
    Canary.objects.filter(queue="node.laptop").update(delay_s=-30)
    assert found("clock").detail == "node.laptop hears tasks 30.0 s before they are sent"


@pytest.mark.usefixtures("well")
def test_little_disk_is_a_warning_and_none_a_failure(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "SCARCE_BYTES", 2**62)
    assert found("data folder").level == "warn"
    (tmp_path / "file").touch()
    settings.R1WEB_HOME = tmp_path / "file" / "var"
    assert found("data folder").level == "fail"


def test_packages_are_held_against_their_lock(tmp_path: Path) -> None:
    lock = tmp_path / "app.txt"
    lock.write_text(
        "# made\ndjango==1.0\nno-such-package==3\nnot-here==1; sys_platform == 'win32'\n"
    )
    missing, others = machine.compare(lock)
    assert missing == ["no-such-package"]
    assert [other.partition(" ")[0] for other in others] == ["django"]


def test_a_gpu_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [machine.hardware.Gpu(index=0, model="NVIDIA H200", memory_bytes=2**37, native_fp8=True)]
    monkeypatch.setattr(machine.hardware, "gpus", lambda: here)
    for seen, level in ((0, "fail"), (1, "ok")):
        monkeypatch.setattr(machine, "_gpus_of_torch", lambda seen=seen: seen)
        (finding,) = machine.gpus()
        assert finding.level == level


def test_a_cache_that_forgets(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    (finding,) = stores.cache()
    assert finding.level == "fail"
