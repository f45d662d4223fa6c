"""What keeps the stack from starting is said in a sentence, before anything is started."""

import socket
from pathlib import Path

import pytest

from r1web.local import checks
from r1web.local.address import LOOPBACK
from r1web.local.errors import CannotStartError
from r1web.local.stack import only_one


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CannotStartError, match=rf"Port {port} .* R1WEB_PORT={port + 1}"):
            checks.check_port(port)

    checks.check_port(port)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotStartError, match="R1WEB_HOME"):
        checks.check_home(tmp_path / "file" / "var")


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_home(tmp_path)
    monkeypatch.setattr(checks, "ROOM_BYTES", 2**62)

    with pytest.raises(CannotStartError, match="make room"):
        checks.check_home(tmp_path)


def test_a_data_folder_holds_one_stack(tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(CannotStartError, match="already runs"),
        only_one(tmp_path),
    ):
        pass

    with only_one(tmp_path):
        pass
