"""Settings that come from the environment. A bad value stops the start with one sentence."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from r1web.local.address import redis_address

SQLITE_OPTIONS = {
    # Writers queue up for the lock at once instead of failing when a read turns into a write.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
NETWORK_OPTIONS = {
    # Over a cut connection nothing comes any more, and unasked nobody would notice for a quarter of
    # an hour: seconds and, for the last, milliseconds.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # The server gives up what was cut off as soon, and with it what its transaction had locked.
    "options": " ".join(
        f"-c {name}={value}"
        for name, value in {
            "tcp_keepalives_idle": 10,
            "tcp_keepalives_interval": 5,
            "tcp_keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "idle_in_transaction_session_timeout": 20_000,
        }.items()
    ),
}
SCHEMES = {"sqlite": "sqlite3", "postgres": "postgresql", "postgresql": "postgresql"}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, low: int, high: int) -> int:
    given = text(name, str(default))
    if not given.lstrip("-").isdecimal() or not low <= int(given) <= high:
        raise ImproperlyConfigured(
            f"{name} is “{given}”, but must be a whole number from {low} to {high}: "
            "correct it in the environment."
        )
    return int(given)


def flag(name: str, default: bool) -> bool:
    given = text(name, "1" if default else "0").lower()
    if given not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f"{name} is “{given}”, but must be 1 or 0.")
    return given in {"1", "true", "yes", "on"}


def choice(name: str, default: str, possible: tuple[str, ...]) -> str:
    given = text(name, default)
    if given not in possible:
        raise ImproperlyConfigured(f"{name} is “{given}”, but must be {' or '.join(possible)}.")
    return given


def words(name: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def url(name: str, default: str, schemes: tuple[str, ...]) -> str:
    given = text(name, default)
    if not given.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ImproperlyConfigured(
            f"{name} must be a URL that starts with {' or '.join(f'{s}://' for s in schemes)}."
        )
    return given


def email(name: str) -> dict[str, Any]:
    """Django's settings for the mail server of a URL like smtp+tls://user:password@host:587.

    {} when it is not set: then no e-mail is sent.
    """
    if not text(name):
        return {}
    given = url(name, "", ("smtp", "smtps", "smtp+tls", "smtp+ssl"))
    try:
        parsed: dict[str, Any] = dict(environ.Env.email_url_config(given))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from error
    return parsed


def folder(name: str, default: Path) -> Path:
    """An absolute folder; it need not exist yet."""
    return Path(text(name, str(default))).expanduser().resolve()


def database(home: Path) -> dict[str, Any]:
    """Django's database settings from DATABASE_URL; SQLite below `home` when it is not set."""
    given = text("DATABASE_URL", f"sqlite:///{home / 'db.sqlite3'}")
    scheme = given.partition("://")[0]
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgresql:// or sqlite:///, for example "
            "postgresql://user:password@host:5432/r1web."
        )
    try:
        parsed: dict[str, Any] = dict(environ.Env.db_url_config(given))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error
    if (password := in_file("DATABASE_PASSWORD_FILE")) is not None:
        parsed["PASSWORD"] = password
    if SCHEMES[scheme] == "sqlite3":
        return {**parsed, "OPTIONS": SQLITE_OPTIONS}
    options = {**NETWORK_OPTIONS, **parsed.get("OPTIONS", {})}
    return {**parsed, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def secret_key() -> str | None:
    """R1WEB_SECRET_KEY, or what stands in the file R1WEB_SECRET_KEY_FILE."""
    return text("R1WEB_SECRET_KEY") or in_file("R1WEB_SECRET_KEY_FILE")


def in_file(name: str) -> str | None:
    """The secret in the file that the variable names; None without one, or when it is empty."""
    if not (file := text(name)):
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} cannot be read ({error.strerror}): name a readable file."
        ) from error


def local_secret_key(home: Path) -> str:
    """The key kept in `home`/secret_key (mode 600), made on first use."""
    path = home / "secret_key"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(50))
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot write to {home} ({error.strerror}): set R1WEB_HOME to a folder of yours."
        ) from error
    return path.read_text(encoding="utf-8")


def _write_once(path: Path, content: str) -> None:
    """Write a file of mode 600; of several processes that try it at once, the first one wins."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()


def local_redis_url(home: Path) -> str:
    """Where `manage.py up` starts its Redis, unless REDIS_URL names another one."""
    try:
        return text("REDIS_URL") or redis_address(home).url
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot write to {home} ({error.strerror}): set R1WEB_HOME to a folder of yours."
        ) from error
