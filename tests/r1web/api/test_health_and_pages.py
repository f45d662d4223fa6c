"""Health, the app's shell, and the headers that protect it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from r1web.accounts.models import User
from r1web.api import health, views
from r1web.cluster.models import Node
from r1web.local.address import free_port
from tests.r1web.conftest import Api


@pytest.fixture
def app_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A build as Vite leaves it: an entry that imports a chunk with styles of its own."""
    manifest = {
        "src/main.tsx": {
            "file": "assets/main-1.js",
            "isEntry": True,
            "imports": ["_shared.js"],
            "css": ["assets/main-1.css"],
            "assets": ["assets/inter-1.woff2", "assets/picture.png"],
        },
        "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"]},
        "src/run/RunPage.tsx": {"file": "assets/RunPage-1.js", "css": ["assets/RunPage-1.css"]},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    monkeypatch.setattr(views, "MANIFEST", path)
    views.entry.cache_clear()
    yield
    views.entry.cache_clear()


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_readiness_names_what_is_missing(db: None, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = Api({}).get("/health/ready")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "not_ready")
    assert {check["name"]: check["ok"] for check in body["checks"]} == {
        "database": True,
        "broker": False,
        "nodes": False,
    }


def test_ready_when_a_worker_was_heard(db: None, settings: Settings, redis_url: str) -> None:
    settings.REDIS_URL = redis_url
    Node.objects.create(name="n", queue="node.n", heartbeat_at=timezone.now())
    answer = Api({}).get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


def test_not_ready_while_migrations_are_missing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    health._expect_migrated.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(health, "pending_migrations", lambda: 2)
        check = Api({}).get("/health/ready").json()["checks"][0]
    assert (check["name"], check["ok"]) == ("database", False)
    assert "2 migrations" in check["detail"]
    assert Api({}).get("/health/ready").json()["checks"][0]["ok"]


@pytest.mark.usefixtures("app_build")
@pytest.mark.parametrize("path", ["/", "/runs/12", "/new", "/nodes", "/presets"])
def test_every_page_of_the_app_is_its_shell(browser: Client, path: str) -> None:
    html = browser.get(path).content.decode()
    assert '<script type="module" src="/static/app/assets/main-1.js">' in html
    assert re.findall(r'rel="stylesheet" href="/static/app/assets/([\w-]+)', html) == [
        "main-1",
        "shared-1",
    ]
    assert re.findall(r'rel="modulepreload" href="/static/app/assets/([\w-]+)', html) == [
        "shared-1"
    ]
    assert re.findall(r'rel="preload" as="font"[^>]*href="([^"]+)"', html) == [
        "/static/app/assets/inter-1.woff2"
    ]
    assert "<noscript>" in html
    assert "csrftoken" in browser.cookies


@pytest.mark.usefixtures("app_build")
def test_scripts_run_only_with_the_nonce_of_their_answer(browser: Client) -> None:
    answers = [browser.get("/") for _ in range(2)]
    nonces = [
        re.search(r"script-src 'self' 'nonce-([\w-]+)'", answer["Content-Security-Policy"])[1]
        for answer in answers
    ]
    assert nonces[0] != nonces[1]
    for answer, nonce in zip(answers, nonces, strict=True):
        inline = re.findall(r"<script(?![^>]*src=)[^>]*>", answer.content.decode())
        assert inline == [f'<script nonce="{nonce}">']
        assert not re.search(r"\sstyle=|\son\w+=", answer.content.decode())


@pytest.mark.usefixtures("app_build")
@pytest.mark.parametrize("path", ["/", "/signin", "/admin/login/", "/api/v1/health/live"])
def test_no_answer_may_be_framed_or_guessed_at(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"


def test_a_missing_build_says_what_to_do(
    browser: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(views, "MANIFEST", tmp_path / "nothing.json")
    views.entry.cache_clear()
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "make run" in answer.content.decode()


def test_the_app_asks_to_sign_in(db: None) -> None:
    assert Client().get("/runs/3?step=4")["Location"] == "/signin?next=/runs/3%3Fstep%3D4"


def test_cookies_stay_with_this_site(owner: User) -> None:
    client = Client()
    client.post("/signin", {"username": "olga", "password": "correct horse"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"


def test_a_host_that_is_not_ours_is_refused(db: None) -> None:
    answer = Client().get("/api/v1/health/live", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
