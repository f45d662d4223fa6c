"""What sockets share: a channel of the layer, looks into the database, and rows of the list."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from channels.layers import get_channel_layer
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from r1web.accounts.models import Membership, Project, User
from r1web.accounts.services import Credentials, create_token, present_users
from r1web.live import consumers, hub, selectors
from r1web.live.messages import RunsMessage
from r1web.live.services import run_group
from r1web.runs.models import Run, State
from r1web.runs.selectors import rows_with_projects
from r1web.runs.services import edit_run
from tests.r1web.conftest import in_project
from tests.r1web.live.conftest import PATIENCE_S, Connect, Socket, happen, in_db, layer_at
from tests.r1web.servers import OwnRedis

pytestmark = pytest.mark.django_db(transaction=True)

MakeRun = Callable[..., Run]


async def members(group: str) -> int:
    layer = get_channel_layer()
    return int(await layer.connection(0).zcard(layer._group_key(group)))


async def test_all_sockets_share_a_channel_that_joins_once_and_leaves_with_the_last(
    make_run: MakeRun, connect: Connect
) -> None:
    run = await in_db(make_run)
    sockets = [await connect(f"/ws/runs/{run.pk}?after_seq=1") for _ in range(3)]
    for socket in sockets:
        await socket.until(lambda s: bool(s.of("hello")))
    assert await members(run_group(run.pk)) == 1
    await sockets[0].close()
    await happen(run)
    for socket in sockets[1:]:
        await socket.until(lambda s: s.seqs() == [2])
        await socket.close()
    async with asyncio.timeout(PATIENCE_S):
        while await members(run_group(run.pk)):
            pass  # it leaves in a task of its own


async def test_a_group_that_nobody_wants_any_more_is_left_while_others_stay(
    make_run: MakeRun, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PING_S", 0.2)
    run, other = await in_db(make_run), await in_db(make_run)
    stays = await connect(f"/ws/runs/{run.pk}")
    goes = await connect(f"/ws/runs/{other.pk}")
    await goes.until(lambda s: bool(s.of("hello")))
    await goes.close()
    await two_looks(stays)
    assert await members(run_group(run.pk)) == 1
    assert await members(run_group(other.pk)) == 0


async def test_what_redis_has_forgotten_is_joined_anew(
    make_run: MakeRun, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PING_S", 0.2)
    run = await in_db(make_run)
    socket = await connect(f"/ws/runs/{run.pk}")
    await socket.until(lambda s: bool(s.of("hello")))
    layer = get_channel_layer()
    await layer.connection(0).delete(layer._group_key(run_group(run.pk)))
    await two_looks(socket)
    assert await members(run_group(run.pk)) == 1


async def two_looks(socket: Socket) -> None:
    """Groups are put right after a ping, and so before the one after it."""
    seen = len(socket.of("ping"))
    await socket.until(lambda s: len(s.of("ping")) >= seen + 2)


@pytest.fixture
def own_redis(settings: Settings) -> Iterator[OwnRedis]:
    server = OwnRedis()
    server.start()
    settings.CHANNEL_LAYERS = layer_at(server.url)
    yield server
    server.kill()


async def test_when_redis_goes_all_are_told_to_come_back_and_can(
    make_run: MakeRun, connect: Connect, own_redis: OwnRedis
) -> None:
    run = await in_db(make_run)
    paths = [f"/ws/runs/{run.pk}", f"/ws/runs/{run.pk}", "/ws/runs"]
    sockets = [await connect(path) for path in paths]
    await sockets[0].until(lambda s: bool(s.of("hello")))
    own_redis.kill()
    assert [await s.until_closed() for s in sockets] == [consumers.TRY_AGAIN] * 3
    own_redis.start()
    await happen(run)
    back = await connect(f"/ws/runs/{run.pk}?after_seq=1")
    while 2 not in back.seqs():  # as often as connections of old times come out of redis-py's pool
        await back.until(lambda s: 2 in s.seqs() or s.closed is not None)
        if back.closed is not None:
            back = await connect(f"/ws/runs/{run.pk}?after_seq=1")


def look(credentials: list[Credentials], run_ids: list[int]) -> None:
    selectors.look(present_users(credentials), run_ids)


def test_a_look_for_many_takes_as_many_queries_as_for_one(
    make_run: MakeRun, project: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    runs = [make_run().pk for _ in range(6)]
    users = [in_project(f"u{place}", project, Membership.Role.VIEWER) for place in range(6)]
    by_token = [Credentials(create_token(user=user, name="t").secret) for user in users]
    by_session = [Credentials(None, session=f"s{user.pk}", user_id=user.pk) for user in users]
    end = timezone.now() + timedelta(hours=1)
    Session.objects.bulk_create(
        Session(session_key=given.session, session_data="", expire_date=end) for given in by_session
    )
    look(by_token, runs)  # notes the tokens' use, once a minute
    for count in (1, 6):
        with django_assert_num_queries(5):
            look(by_token[:count] + by_session[:count], runs[:count])


def test_sessions_that_are_over_and_users_turned_off_are_not_present(
    owner: User, member: User
) -> None:
    now = timezone.now()
    hour = timedelta(hours=1)
    Session.objects.create(session_key="good", session_data="", expire_date=now + hour)
    Session.objects.create(session_key="old", session_data="", expire_date=now - hour)
    good = Credentials(None, session="good", user_id=owner.pk)
    old = Credentials(None, session="old", user_id=owner.pk)
    off = Credentials(None, session="good", user_id=member.pk)
    nobody = Credentials(None)
    token = Credentials(create_token(user=member, name="t").secret)
    User.objects.filter(pk=member.pk).update(is_active=False)
    assert present_users([good, old, off, nobody, token]) == {good: owner.pk}


async def test_who_left_the_project_gets_no_more_rows(
    make_run: MakeRun, connect: Connect, owner: User, member: User
) -> None:
    run = await in_db(lambda: make_run(State.RUNNING))
    secret = await in_db(lambda: create_token(user=member, name="t").secret)
    theirs = await connect("/ws/runs", ("authorization", f"Bearer {secret}"))
    await theirs.until(lambda s: bool(s.of("runs")))
    mine = await connect("/ws/runs")
    await in_db(lambda: Membership.objects.filter(user=member).delete())
    await in_db(lambda: edit_run(run=run, name="secret"))
    await mine.until(lambda s: "secret" in [row["name"] for m in s.of("runs") for row in m["runs"]])
    assert "secret" not in [row["name"] for m in theirs.of("runs") for row in m["runs"]]


def test_rows_that_wait_become_one_message_with_the_newest_of_each(make_run: MakeRun) -> None:
    run, other = make_run(name="a"), make_run(name="b")
    earlier = RunsMessage(runs=[row for _, row in rows_with_projects([run.pk, other.pk])])
    edit_run(run=run, name="new")
    later = RunsMessage(runs=[row for _, row in rows_with_projects([run.pk])])
    names = {row.id: row.name for row in earlier.followed_by(later).runs}
    assert names == {run.pk: "new", other.pk: "b"}
