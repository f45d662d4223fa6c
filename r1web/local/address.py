"""Where the local Redis listens, chosen once for each data folder.

Standard library only: the settings read it before Django is there. The address stays the same over
restarts, so that a trainer's supervisor which outlives the stack finds Redis again.
"""

import errno
import json
import os
import random
import secrets
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 29_000)
"""Below those that systems give to outgoing connections: one of them could sit on the port just
when the server that it was meant for starts, or starts again."""


@dataclass(frozen=True)
class RedisAddress:
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"


def free_port() -> int:
    """A port of the loopback interface that is free, and that no outgoing connection gets."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError(errno.EADDRINUSE, f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def redis_address(home: Path) -> RedisAddress:
    """The address recorded in `home`, or a new one, recorded there for its owner's eyes only."""
    path = home / "redis.json"
    try:
        return RedisAddress(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or not what was written
        return choose_address(home)


def choose_address(home: Path) -> RedisAddress:
    """Record a new address in `home`, in place of an old one."""
    home.mkdir(parents=True, exist_ok=True)
    address = RedisAddress(free_port(), secrets.token_urlsafe(24))
    beside = home / f"redis.json.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(address), file)
    beside.replace(home / "redis.json")
    return address
