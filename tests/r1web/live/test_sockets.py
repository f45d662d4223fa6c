"""What a browser receives on the two sockets, and who is let in."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from r1web.accounts.models import ApiToken, Membership, User
from r1web.accounts.services import create_token
from r1web.cluster.supervisor.ingest import ingest
from r1web.live import consumers, hub
from r1web.live.messages import event_out
from r1web.live.services import RunEvents, flush, run_group
from r1web.metrics.selectors import Metrics, read_metrics
from r1web.runs.models import Attempt, Event, Run, State
from r1web.runs.services import edit_run, events
from tests.r1web.cluster.test_ingest import lines_of, record
from tests.r1web.live.conftest import Connect, Socket, happen, in_db

pytestmark = pytest.mark.django_db(transaction=True)

MakeRun = Callable[..., Run]
ORIGIN = ("origin", "http://testserver")


@pytest.fixture
def quick_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PING_S", 0.2)


def session_of(user: User) -> tuple[str, str]:
    """The cookie header of a browser that has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = django_settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return "cookie", f"{django_settings.SESSION_COOKIE_NAME}={session.session_key}"


async def test_hello_then_everything_after_n_then_what_happens(
    make_run: MakeRun, connect: Connect
) -> None:
    run = await in_db(make_run)
    await happen(run, 4)
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=2")
    await socket.until(lambda s: s.seqs() == [3, 4, 5])
    assert socket.messages[0] == {"type": "hello", "run": run.pk, "last_seq": 5}
    await happen(run, 2, message="new")
    await socket.until(lambda s: s.seqs() == [3, 4, 5, 6, 7])
    newest = socket.of("events")[-1]["events"][-1]
    stored = await in_db(lambda: Event.objects.select_related("attempt").get(run=run, seq=7))
    assert newest == event_out(stored).model_dump(mode="json")


async def test_without_a_number_only_what_is_new_comes(make_run: MakeRun, connect: Connect) -> None:
    run = await in_db(make_run)
    await happen(run, 3)
    socket = await connect(f"/ws/runs/{run.pk}")
    await socket.until(lambda s: bool(s.of("hello")))
    await happen(run)
    await socket.until(lambda s: s.seqs() == [5])


async def test_a_number_from_the_future_is_answered_with_what_there_is(
    make_run: MakeRun, connect: Connect
) -> None:
    run = await in_db(make_run)
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=900")
    await socket.until(lambda s: bool(s.of("hello")))
    assert socket.messages == [{"type": "hello", "run": run.pk, "last_seq": 1}]
    await happen(run)
    await socket.until(lambda s: s.seqs() == [2])


async def test_a_browser_far_behind_is_told_to_fetch(
    make_run: MakeRun, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CATCH_UP_EVENTS", 10)
    run = await in_db(make_run)
    await happen(run, 20)
    assert await asyncio.to_thread(flush)  # or the socket may hear of them before it looks
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=1")
    await socket.until(lambda s: bool(s.of("events")))
    (message,) = socket.of("events")
    assert (message["first_seq"], message["last_seq"], message["events"]) == (2, 21, None)


async def test_bodies_too_large_for_a_message_are_left_to_rest(
    make_run: MakeRun, connect: Connect
) -> None:
    run = await in_db(make_run)
    await happen(run, 1, message="x" * 70_000)
    await happen(run, 3, message="y" * 30_000)
    assert await asyncio.to_thread(flush)  # or the socket may hear of them while it catches up
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=1")
    await socket.until(lambda s: s.seqs() == [2, 3, 4, 5])
    bodies = [message["events"] and len(message["events"]) for message in socket.of("events")]
    assert bodies == [None, 2, 1]


async def test_a_slow_browser_loses_nothing_and_gets_fewer_messages(
    make_run: MakeRun, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "BUFFERED_MESSAGES", 5)
    run = await in_db(make_run)
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=1")
    await socket.until(lambda s: bool(s.of("hello")))
    socket.writable.clear()
    channels = get_channel_layer()
    for _ in range(40):
        (event,) = await happen(run)
        message = RunEvents.of(run.pk, [event]).layer_message()
        await channels.group_send(run_group(run.pk), message)
    socket.writable.set()
    await socket.until(lambda s: s.seqs() == list(range(2, 42)))
    assert len(socket.of("events")) < 40


async def test_the_last_message_of_all_is_read_when_it_was_lost(
    make_run: MakeRun, connect: Connect, quick_pings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await in_db(make_run)
    socket = await connect(f"/ws/runs/{run.pk}?after_seq=1")
    await socket.until(lambda s: bool(s.of("hello")))
    monkeypatch.setattr(events, "publish", lambda *_: None)
    await happen(run)
    await socket.until(lambda s: s.seqs() == [2])


class Twin:
    """What a browser keeps of the curves: a snapshot, with events laid over it."""

    def __init__(self, snapshot: Metrics) -> None:
        self.seq = snapshot.last_seq
        self.curves = curves(snapshot)

    def apply(self, messages: Sequence[dict[str, Any]]) -> None:
        for message in messages:
            for event in message["events"]:
                if event["seq"] <= self.seq:
                    continue
                assert event["seq"] == self.seq + 1, "a hole"
                self.seq = event["seq"]
                for name, value in event["payload"].get("values", {}).items():
                    self.curves.setdefault(name, []).append((event["step"], value))


def curves(metrics: Metrics) -> dict[str, list[tuple[int, float | None]]]:
    return {
        series.name: list(zip(series.columns.steps, series.columns.values, strict=True))
        for series in metrics.series
    }


@pytest.mark.parametrize("seed", range(5))
async def test_a_snapshot_and_messages_make_a_fresh_snapshot(
    make_run: MakeRun,
    connect: Connect,
    quick_pings: None,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """Whatever Channels drops, doubles or turns round, and whenever the snapshot was taken."""
    chance = random.Random(seed)
    published: list[list[Event]] = []
    monkeypatch.setattr(events, "publish", lambda _, news: published.append(news))
    run = await in_db(lambda: make_run(State.STARTING))
    attempt = await in_db(lambda: Attempt.objects.create(run=run, number=1))
    lines = lines_of([record(seq, step=seq) for seq in range(1, 61)])
    twin: Twin | None = None
    socket: Socket | None = None
    channels = get_channel_layer()
    while lines:
        size = chance.randint(1, 6)
        batch, lines = lines[:size], lines[size:]
        await in_db(lambda batch=batch: ingest(attempt_id=attempt.pk, lines=batch))
        if socket is None and chance.random() < 0.3:
            twin = Twin(await in_db(lambda: read_metrics(run_id=run.pk, max_points=1000)))
            socket = await connect(f"/ws/runs/{run.pk}?after_seq={twin.seq}")
        if chance.random() < 0.4:
            for news in chance.sample(published, k=min(len(published), 3)):
                message = RunEvents.of(run.pk, news).layer_message()
                await channels.group_send(run_group(run.pk), message)
    assert socket is not None
    assert twin is not None
    last_seq = await in_db(lambda: Run.objects.get(pk=run.pk).last_seq)
    first = twin.seq + 1
    await socket.until(lambda s: s.seqs() == list(range(first, last_seq + 1)))
    twin.apply(socket.of("events"))
    fresh = await in_db(lambda: read_metrics(run_id=run.pk, max_points=1000))
    assert (twin.seq, twin.curves) == (fresh.last_seq, curves(fresh))


async def test_the_list_gets_changed_rows_of_the_users_projects_only(
    make_run: MakeRun, connect: Connect, stranger: User
) -> None:
    run = await in_db(lambda: make_run(State.RUNNING))
    mine = await connect("/ws/runs")
    await mine.until(lambda s: bool(s.of("runs")))  # what is under way, once it listens
    secret = await in_db(lambda: create_token(user=stranger, name="t").secret)
    theirs = await connect("/ws/runs", ("authorization", f"Bearer {secret}"))
    await in_db(lambda: edit_run(run=run, name="renamed"))
    await mine.until(lambda s: s.of("runs")[-1]["runs"][0]["name"] == "renamed")
    (row,) = mine.of("runs")[-1]["runs"]
    assert row["id"] == run.pk
    assert theirs.messages == []


async def test_the_list_heals_a_lost_message_with_the_next_ping(
    make_run: MakeRun, connect: Connect, quick_pings: None
) -> None:
    run = await in_db(lambda: make_run(State.RUNNING))
    socket = await connect("/ws/runs")
    await socket.until(lambda s: bool(s.of("runs")))
    await in_db(lambda: Run.objects.filter(pk=run.pk).update(state=State.FINISHED))
    await socket.until(lambda s: s.of("runs")[-1]["runs"][0]["state"] == "finished")


async def test_a_browser_with_a_session_and_our_origin_is_let_in(
    make_run: MakeRun, connect: Connect, owner: User
) -> None:
    run = await in_db(make_run)
    cookie = await in_db(lambda: session_of(owner))
    socket = await connect(f"/ws/runs/{run.pk}", ORIGIN, cookie)
    await socket.until(lambda s: bool(s.of("hello")))


@pytest.mark.parametrize("origin", [("origin", "http://evil.example"), ("x-none", "")])
async def test_another_sites_page_is_refused_at_the_handshake(
    make_run: MakeRun, connect: Connect, owner: User, origin: tuple[str, str]
) -> None:
    run = await in_db(make_run)
    cookie = await in_db(lambda: session_of(owner))
    socket = await connect(f"/ws/runs/{run.pk}", origin, cookie)
    assert not socket.accepted


@pytest.mark.parametrize("path", ["/ws/runs", "/ws/runs/1"])
async def test_nobody_gets_nothing(connect: Connect, path: str) -> None:
    assert await (await connect(path, ORIGIN)).until_closed() == consumers.NOT_SIGNED_IN
    wrong = await connect(path, ("authorization", "Bearer r1w_wrong"))
    assert await wrong.until_closed() == consumers.NOT_SIGNED_IN


async def test_a_stranger_learns_nothing_about_a_run(
    make_run: MakeRun, connect: Connect, stranger: User
) -> None:
    run = await in_db(make_run)
    secret = await in_db(lambda: create_token(user=stranger, name="t").secret)
    bearer = ("authorization", f"Bearer {secret}")
    there = await connect(f"/ws/runs/{run.pk}", bearer)
    nowhere = await connect("/ws/runs/999999", bearer)
    assert await there.until_closed() == await nowhere.until_closed() == consumers.NOT_FOUND
    assert there.messages == nowhere.messages == []


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 19])
async def test_a_query_that_is_no_number_is_refused(
    make_run: MakeRun, connect: Connect, given: str
) -> None:
    run = await in_db(make_run)
    socket = await connect(f"/ws/runs/{run.pk}?after_seq={given}")
    assert await socket.until_closed() == consumers.BAD_QUERY


async def test_who_loses_access_loses_the_socket(
    make_run: MakeRun, connect: Connect, quick_pings: None
) -> None:
    run = await in_db(make_run)
    by_token = await connect(f"/ws/runs/{run.pk}")
    await by_token.until(lambda s: bool(s.of("ping")))
    await in_db(lambda: ApiToken.objects.update(revoked_at=timezone.now()))
    assert await by_token.until_closed() == consumers.NOT_SIGNED_IN


async def test_who_leaves_the_project_loses_the_socket(
    make_run: MakeRun, connect: Connect, quick_pings: None, owner: User
) -> None:
    run = await in_db(make_run)
    cookie = await in_db(lambda: session_of(owner))
    socket = await connect(f"/ws/runs/{run.pk}", ORIGIN, cookie)
    await socket.until(lambda s: bool(s.of("ping")))
    await in_db(lambda: Membership.objects.filter(user=owner).delete())
    assert await socket.until_closed() == consumers.NOT_FOUND


async def test_an_unknown_path_is_refused(connect: Connect) -> None:
    assert not (await connect("/ws/nothing")).accepted
