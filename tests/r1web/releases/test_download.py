"""Files of a release come whole, or in the range that is asked for, from a real server."""

import hashlib
import http.client
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.accounts.services import create_token
from r1web.releases.models import Release
from tests.r1web.cluster.conftest import database_url
from tests.r1web.cluster.dashboard import Web
from tests.r1web.conftest import Api, caller
from tests.r1web.releases.conftest import folder_of
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

SMALL = b"0123456789" * 30
LARGE = random.Random(7).randbytes(24_000_000)


@pytest.fixture
def web(home: Path, owner: User, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("DATABASE_URL", database_url())
    running = Web(home, create_token(user=owner, name="test").secret)
    until(lambda: answers(running.port))
    yield running
    running.service.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Asked:
    """One answer of the server."""

    def __init__(self, web: Web, release: Release, name: str, **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(
            "GET",
            f"/api/v1/releases/{release.pk}/files/{name}",
            headers={"Authorization": f"Bearer {web.token}", **given},
        )
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        connection.close()


def test_a_download_that_was_cut_off_goes_on_to_the_same_bytes(
    web: Web, make_ready: Callable[..., Release], tmp_path: Path
) -> None:
    release = make_ready({"model.safetensors": LARGE})
    where = f"/api/v1/releases/{release.pk}/files/model.safetensors"
    with socket.create_connection(("127.0.0.1", web.port)) as line:
        words = (
            f"GET {where} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {web.token}\r\n\r\n"
        )
        line.sendall(words.encode())
        received = b""
        while len(received) < 3_000_000:
            received += line.recv(65536)
    head, part = received.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    target = tmp_path / "model.safetensors"
    target.write_bytes(part)

    rest = Asked(
        web, release, "model.safetensors",
        Range=f"bytes={len(part)}-", If_Range=f'"{hashlib.sha256(LARGE).hexdigest()}"',
    )  # fmt: skip
    assert rest.status == 206
    assert part + rest.body == LARGE

    if curl := shutil.which("curl"):
        header = f"Authorization: Bearer {web.token}"
        url = f"http://127.0.0.1:{web.port}{where}"
        command = [curl, "-sfL", "-C", "-", "-o", str(target), "-H", header, url]
        subprocess.run(command, check=True)
        assert target.read_bytes() == LARGE
        whole_already = subprocess.run(command, check=False)
        assert whole_already.returncode in {0, 22}  # the server's 416, which some versions report
        assert target.read_bytes() == LARGE


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.integers(0, 400), last=st.none() | st.integers(0, 400), suffix=st.booleans())
def test_any_range_is_that_piece_of_the_file(
    web: Web, make_ready: Callable[..., Release], first: int, last: int | None, suffix: bool
) -> None:
    release = Release.objects.first() or make_ready({"README.md": SMALL})
    asked = f"-{first}" if suffix else f"{first}-{'' if last is None else last}"
    found = Asked(web, release, "README.md", Range=f"bytes={asked}")
    if not suffix and last is not None and last < first:
        assert (found.status, found.body) == (200, SMALL)
        return
    begin = max(0, len(SMALL) - first) if suffix else first
    piece = SMALL[begin:] if suffix or last is None else SMALL[begin : last + 1]
    if not piece:
        assert found.status == 416
        assert found.headers["Content-Range"] == f"bytes */{len(SMALL)}"
        return
    assert (found.status, found.body) == (206, piece)
    assert found.headers["Content-Range"] == f"bytes {begin}-{begin + len(piece) - 1}/{len(SMALL)}"


def test_what_a_range_and_its_conditions_mean(web: Web, make_ready: Callable[..., Release]) -> None:
    release = make_ready({"README.md": SMALL})
    whole = Asked(web, release, "README.md")
    tag = f'"{hashlib.sha256(SMALL).hexdigest()}"'
    assert (whole.status, whole.body, whole.headers["ETag"]) == (200, SMALL, tag)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="README.md"'
    for conditions, status, body in (
        ({"Range": "bytes=5-9", "If_Range": tag}, 206, b"56789"),
        ({"Range": "bytes=5-9", "If_Range": '"another"'}, 200, SMALL),
        ({"Range": "bytes=5-9", "If_Range": "Sat, 28 Nov 2026 06:00:00 GMT"}, 200, SMALL),
        ({"Range": "bytes=0-1,5-9"}, 200, SMALL),
        ({"Range": "lines=0-1"}, 200, SMALL),
        ({"Range": "bytes=-0"}, 416, None),
        ({"If_None_Match": tag}, 304, b""),
        ({"If_Match": '"another"'}, 412, b""),
    ):
        found = Asked(web, release, "README.md", **conditions)
        assert found.status == status, conditions
        assert body is None or found.body == body, conditions


def test_only_listed_files_are_there_and_only_for_those_who_see_the_run(
    web: Web, make_ready: Callable[..., Release], stranger: User, api: Api
) -> None:
    release = make_ready({"README.md": SMALL})
    folder = folder_of(release.run) / release.path
    (folder / "secret.txt").write_text("no")
    for name in ("secret.txt", "../../trainer.log", "%2e%2e/secret", "/etc/passwd", "README.md/.."):
        assert Asked(web, release, name).status == 404, name
    assert caller(stranger).get(f"/releases/{release.pk}/files/README.md").status_code == 404

    (folder / "README.md").write_bytes(SMALL + b"!")
    changed = api.get(f"/releases/{release.pk}/files/README.md")
    assert (changed.status_code, changed.json()["code"]) == (409, "file_changed")
    shutil.rmtree(folder)
    away = api.get(f"/releases/{release.pk}/files/README.md")
    assert (away.status_code, away.json()["code"]) == (409, "files_elsewhere")
    assert "laptop" in away.json()["detail"]
    assert os.sep + "tmp" not in away.json()["detail"]
