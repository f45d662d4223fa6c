"""A setting that cannot be used stops the start with one sentence; secrets stay private."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from r1web.settings import environment

ROOT = Path(__file__).resolve().parents[3]


def start(home: Path, settings: str = "local", **given: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` in an environment of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, "DJANGO_SETTINGS_MODULE": f"r1web.settings.{settings}", "R1WEB_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=env | given,
        capture_output=True,
        text=True,
        check=False,
    )


BAD = [
    ({"R1WEB_PORT": "http"}, "R1WEB_PORT is “http”"),
    ({"R1WEB_PORT": "70000"}, "from 1 to 65535"),
    ({"R1WEB_DEMO": "perhaps"}, "R1WEB_DEMO is “perhaps”, but must be 1 or 0."),
    ({"DATABASE_URL": "mysql://localhost/r1web"}, "DATABASE_URL must start with postgresql://"),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must be a URL"),
    ({"R1WEB_EMAIL_URL": "mail.example.org"}, "R1WEB_EMAIL_URL must be a URL"),
    ({"R1WEB_SECRET_KEY_FILE": "/nothing/here"}, "R1WEB_SECRET_KEY_FILE cannot be read"),
    ({"DATABASE_PASSWORD_FILE": "/nothing/here"}, "DATABASE_PASSWORD_FILE cannot be read"),
]


@pytest.mark.parametrize(("given", "sentence"), BAD, ids=lambda value: str(value)[:30])
def test_a_bad_value_is_one_sentence_and_exit_code_1(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    ended = start(tmp_path, **given)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Set R1WEB_SECRET_KEY"),
        ({"R1WEB_SECRET_KEY": "short"}, "at least 32 random characters"),
        ({"R1WEB_SECRET_KEY": "x" * 40}, "Set R1WEB_ALLOWED_HOSTS"),
    ],
)
def test_production_guesses_nothing(tmp_path: Path, given: dict[str, str], sentence: str) -> None:
    ended = start(tmp_path, "production", **given)
    assert ended.returncode == 1
    assert sentence in ended.stderr


def test_production_passes_djangos_own_deployment_checks(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("long enough and random: 8d2f70a4c1b95e36" * 2)
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "r1web.settings.production",
        "R1WEB_HOME": str(tmp_path),
        "R1WEB_SECRET_KEY_FILE": str(key),
        "R1WEB_ALLOWED_HOSTS": "r1web.example.org",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    # The proxy in front decides about its other names and about preloading.
    complaints = {line for line in ended.stderr.splitlines() if "(security." in line}
    assert not {line for line in complaints if "W005" not in line and "W021" not in line}, ended


def test_the_databases_password_may_stand_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("p/a:s@s\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://r1web@db:5432/r1web")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))

    found = environment.database(tmp_path)

    assert (found["USER"], found["PASSWORD"], found["HOST"]) == ("r1web", "p/a:s@s", "db")


def test_the_local_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    home = tmp_path / "new"
    first = environment.local_secret_key(home)
    assert len(first) >= 50
    assert environment.local_secret_key(home) == first
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret_key"]


def test_a_database_is_sqlite_in_the_home_or_what_the_url_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    local = environment.database(tmp_path / "a b")
    assert local["NAME"] == str(tmp_path / "a b" / "db.sqlite3")
    assert local["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:p%40ss@db.example:5433/r1web")
    remote = environment.database(tmp_path)
    assert (remote["HOST"], remote["PORT"], remote["NAME"]) == ("db.example", 5433, "r1web")
    assert (remote["USER"], remote["PASSWORD"]) == ("me", "p@ss")


def test_a_mail_server_is_what_the_url_says_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("R1WEB_EMAIL_URL", raising=False)
    assert environment.email("R1WEB_EMAIL_URL") == {}
    monkeypatch.setenv("R1WEB_EMAIL_URL", "smtp+tls://me:p%40ss@mail.example:587")
    server = environment.email("R1WEB_EMAIL_URL")
    assert (server["EMAIL_HOST"], server["EMAIL_PORT"]) == ("mail.example", 587)
    assert (server["EMAIL_HOST_PASSWORD"], server["EMAIL_USE_TLS"]) == ("p@ss", True)


def test_a_redis_with_tls_has_to_prove_who_it_is(tmp_path: Path) -> None:
    script = (
        "from r1web.celery import app; c = app.connection_for_write();"
        "print(c.ssl, c.transport.Channel.__module__)"
    )
    for url, expected in [
        ("rediss://redis:6380/0", "{'ssl_cert_reqs': <VerifyMode.CERT_REQUIRED: 2>}"),
        ("rediss://redis:6380/0?ssl_ca_certs=/ca.pem", "{'ssl_ca_certs': '/ca.pem'}"),
        ("redis://redis:6379/0", "None"),
    ]:
        env = {"PATH": os.environ["PATH"], "R1WEB_HOME": str(tmp_path), "REDIS_URL": url}
        command = [sys.executable, "-c", script]
        told = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert told.stdout == f"{expected} r1web.broker\n", told.stderr
