"""What has to hold before anything is started."""

import contextlib
import shutil
import socket
import tempfile
from pathlib import Path

from r1web.local.address import LOOPBACK
from r1web.local.errors import CannotStartError

ROOM_BYTES = 500 * 1024**2
"""Room for the database, the logs and a few checkpoints."""


def check_home(home: Path) -> None:
    """Raise CannotStartError unless `home` can be written and has room."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise CannotStartError(
            f"The data folder {home} cannot be written ({error.strerror}): change its owner or "
            "set R1WEB_HOME to a folder where you may write."
        ) from error
    free = shutil.disk_usage(home).free
    if free < ROOM_BYTES:
        raise CannotStartError(
            f"The data folder {home} has {free // 1024**2} MB of free disk, but runs need at least "
            f"{ROOM_BYTES // 1024**2} MB: make room or set R1WEB_HOME to another disk."
        )


def port_is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def check_port(port: int) -> None:
    """Raise CannotStartError when somebody else listens on the port."""
    if not port_is_free(port):
        raise CannotStartError(
            f"Port {port} is in use: stop the program that uses it, or choose another, as in "
            f"`make run R1WEB_PORT={port + 1}`."
        )
