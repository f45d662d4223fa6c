"""Reads the state of the installation at each scrape: from the database, Redis and the journals."""

import time
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from r1web.cluster.journal import JOURNAL
from r1web.cluster.models import Node
from r1web.cluster.queue import CONTROL_QUEUE
from r1web.cluster.selectors import nodes, open_leases, queues_of
from r1web.live.backlog import PATIENCE_S, read_backlog
from r1web.operations.models import Canary
from r1web.operations.selectors import last_release, lateness
from r1web.runs.models import Attempt, Run, State
from r1web.runs.selectors import run_directory


def gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"r1web_{name}", help_text, labels=labels)


class StateCollector(Collector):
    """A part that is away is `r1web_up` 0; what would come from it is left out."""

    def collect(self) -> Iterator[Metric]:
        up = gauge("up", "Whether a part answers.", "part")
        for part, read in (("database", from_database), ("redis", from_redis)):
            try:
                found = list(read())
            except (DatabaseError, RedisError):
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
                yield from found
        yield up


def from_database() -> Iterator[Metric]:
    yield _runs()
    yield from _nodes()
    yield from _attempts()
    yield from _canaries()


def from_redis() -> Iterator[Metric]:
    waiting = gauge("queue_messages", "Tasks that wait in the broker.", "queue")
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    with Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
    ) as redis:
        for queue in _queues():
            waiting.add_metric([queue], int(redis.llen(f"{prefix}{queue}")))
    yield waiting
    backlog = read_backlog()
    yield _one("channel_messages", "Messages in the fullest channel.", backlog.longest)
    yield _one("channel_capacity", "Messages that a channel may hold.", backlog.capacity)
    dropped = CounterMetricFamily("r1web_channel_dropped", "Messages the channel layer dropped.")
    dropped.add_metric([], backlog.dropped)
    yield dropped


def _queues() -> Iterable[str]:
    return [CONTROL_QUEUE, *queues_of(Node.objects.all())]


def _runs() -> Metric:
    found = gauge("runs", "Runs by state; queued ones wait for devices.", "state")
    present = Run.objects.filter(deleted_at=None).order_by().values_list("state")
    counts = dict(present.annotate(count=Count("pk")))
    for state in State:
        found.add_metric([state.value], counts.get(state.value, 0))
    return found


def _nodes() -> Iterator[Metric]:
    devices = gauge("devices", "Devices, leased to a run or free.", "node", "kind", "state")
    age = gauge("node_heartbeat_age_seconds", "Since the node was heard.", "node")
    disk = gauge("node_disk_free_bytes", "Free disk of the data folder.", "node")
    for node in nodes():
        age.add_metric([node.name], (timezone.now() - node.heartbeat_at).total_seconds())
        disk.add_metric([node.name], node.disk_free_bytes)
        present = list(node.devices.all())
        for kind in sorted({device.kind for device in present}):
            leased = [bool(open_leases(device)) for device in present if device.kind == kind]
            devices.add_metric([node.name, kind, "leased"], leased.count(True))
            devices.add_metric([node.name, kind, "free"], leased.count(False))
    yield from (devices, age, disk)


def _attempts() -> Iterator[Metric]:
    age = gauge("supervisor_heartbeat_age_seconds", "Since a run's supervisor was heard.", "run")
    lag = gauge("ingest_lag_bytes", "Of a run's journal, not in the database yet.", "run")
    for attempt in Attempt.objects.filter(ended_at=None).select_related("run"):
        run = str(attempt.run_id)
        if attempt.heartbeat_at is not None:
            age.add_metric([run], (timezone.now() - attempt.heartbeat_at).total_seconds())
        try:
            size = (run_directory(attempt.run) / JOURNAL).stat().st_size
        except FileNotFoundError:  # not begun yet, or on a disk that this machine does not see
            continue
        lag.add_metric([run], max(0, size - attempt.journal_offset))
    yield from (age, lag)


def _canaries() -> Iterator[Metric]:
    late = gauge("canary_waiting_seconds", "How long a task has waited to be taken.", "queue")
    delay = gauge("canary_delay_seconds", "How long the last task heard took.", "queue")
    canaries = list(Canary.objects.order_by("queue"))
    for canary in canaries:
        late.add_metric([canary.queue], lateness(canary).total_seconds())
        if canary.delay_s is not None:
            delay.add_metric([canary.queue], canary.delay_s)
    yield from (late, delay)
    last = last_release(canaries)
    if last is not None:
        yield _one("beat_age_seconds", "Since beat was heard.", time.time() - last.timestamp())


def _one(name: str, help_text: str, value: float) -> Metric:
    found = gauge(name, help_text)
    found.add_metric([], value)
    return found
