"""The product's own processes, as `manage.py up` starts them, on a database of their own."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import redis

from benchmarks.load.plan import Plan, Size
from benchmarks.load.rest import Rest

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PRESET = "r1-zero-nano"
POSTGRES, REDIS = "postgres://postgres@127.0.0.1:5432", "redis://127.0.0.1:6379/0"
HOME = "R1WEB_HOME"
STAMP = re.compile(r"^[\d-]+ [\d:,]+ ")


def on_loopback(name: str, default: str) -> str:
    """The address in that variable. Ends the program when it is another machine's."""
    url = os.environ.get(name) or default
    if urlsplit(url).hostname not in LOOPBACK:
        raise SystemExit(f"{name} must name a server of this machine, by 127.0.0.1.")
    return url


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """A new database on that server, dropped in the end."""
    name = f"r1web_load_{os.getpid()}"
    parts = urlsplit(server)._replace(scheme="postgresql")
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_keys(url: str) -> Iterator[str]:
    """A prefix of keys in that Redis, removed in the end."""
    prefix = f"r1web-load-{os.getpid()}"
    try:
        yield prefix
    finally:
        with redis.Redis.from_url(url) as server:
            for key in server.scan_iter(match=f"{prefix}*", count=1000):
                server.delete(key)


@contextmanager
def installed(size: Size) -> Iterator[Path]:
    """Database, keys and data folder of our own, named in the environment. The data folder."""
    postgres, broker = on_loopback("DATABASE_URL", POSTGRES), on_loopback("REDIS_URL", REDIS)
    with (
        tempfile.TemporaryDirectory(prefix="r1web-load-") as home,
        own_database(postgres) as database,
        own_keys(broker) as prefix,
    ):
        os.environ |= {
            HOME: home,
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "R1WEB_REDIS_PREFIX": prefix,
            "R1WEB_CPU_SLOTS": str(size.trainers),
            "R1WEB_NODE_NAME": "load",
            "R1WEB_SECRET_KEY": secrets.token_urlsafe(50),
            "R1WEB_ALLOWED_HOSTS": "127.0.0.1",
            "R1WEB_SSL_REDIRECT": "0",
            "DJANGO_SETTINGS_MODULE": "benchmarks.load.settings",
        }
        try:
            yield Path(home)
        finally:
            end_processes(home)


@contextmanager
def running(size: Size, home: Path) -> Iterator[Plan]:
    """The product with a trainer for each run, all waiting to be written for."""
    import django  # noqa: PLC0415 - after the settings are named

    django.setup()
    from r1web.accounts.services import ensure_local_operator  # noqa: PLC0415 - likewise
    from r1web.local.address import free_port  # noqa: PLC0415 - likewise
    from r1web.local.database import migrate  # noqa: PLC0415 - likewise
    from r1web.local.stack import Stack  # noqa: PLC0415 - likewise

    migrate()
    operator = ensure_local_operator(home / "token")
    stack = Stack(home, free_port())
    stack.prepare()
    try:
        stack.start_rest()
        runs = create_runs(stack.port, home, size)
        plan = Plan(size, home, stack.port, sign_in(operator), runs)
        _until(lambda: all((plan.folder(run) / "over").exists() for run in runs), size.opening_s)
        yield plan
    finally:
        stack.stop({child.name for child in stack.children})


def create_runs(port: int, home: Path, size: Size) -> list[int]:
    rest = Rest(port, {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"})
    body = {"preset": PRESET, "config": {"grpo": {"steps": size.steps}}}
    return [int(rest.post("/runs", body)["id"]) for _ in range(size.trainers)]


def sign_in(user: object) -> str:
    """The key of a session of theirs."""
    from django.test import Client  # noqa: PLC0415 - after the settings are named

    client = Client()
    client.force_login(user)  # type: ignore[arg-type]  # a user model, loaded late
    return client.cookies["sessionid"].value


def wait_running(plan: Plan) -> None:
    """Until every trainer's first line was read."""
    from r1web.runs.models import Run, State  # noqa: PLC0415 - after the settings are named

    runs = Run.objects.filter(state=State.RUNNING)
    _until(lambda: runs.count() == len(plan.runs), plan.size.opening_s)


def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            said = complaints(Path(os.environ[HOME])).most_common(5)
            raise SystemExit(f"The product was not ready within {seconds:.0f} s: {said}")
        time.sleep(0.5)  # other processes bring it about


def processes(home: str) -> list[psutil.Process]:
    """All that live with this data folder, whoever has started them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(HOME) == home:
                found.append(process)
    return found


def end_processes(home: str) -> None:
    """Those that outlive who has started them: supervisors, and what they follow."""
    left = [process for process in processes(home) if process.ppid() != os.getpid()]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def complaints(home: Path) -> Counter[str]:
    """What the product's logs warn of, without times and numbers."""
    found: Counter[str] = Counter()
    for log in (*home.glob("logs/*.log"), *home.glob("runs/*/supervisor.log")):
        for line in log.read_text(errors="replace").splitlines():
            if " WARNING " in line or " ERROR " in line or " CRITICAL " in line:
                found[f"{log.stem}: {re.sub(r'[0-9]+', 'N', STAMP.sub('', line))[:300]}"] += 1
    return found
