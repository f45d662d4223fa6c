"""A Redis and a PostgreSQL of the tests' own, to be killed and started again at one address."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg

from r1web.local.address import free_port
from r1web.local.redis import server_program
from tests.r1web.waiting import until


class OwnRedis:
    """Empty at every start; on a free port of loopback."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.server: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [server_program(), "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        assert any("accept connections" in line for line in self.server.stdout)

    def kill(self) -> None:
        if self.server is not None:
            with self.server:
                self.server.kill()
            self.server = None


def postgres_program(name: str) -> str | None:
    """Path of one of PostgreSQL's programs, which some systems keep off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def why_no_postgres() -> str:
    """Why this machine cannot have a PostgreSQL of the tests' own; empty when it can."""
    if postgres_program("initdb") is None:
        return "needs initdb: install PostgreSQL's server"
    if os.geteuid() == 0 and _server_user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def _server_user() -> str | None:
    """Whom the server runs as when we are root, which it refuses to be."""
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return None


class OwnPostgres:
    """A cluster in a temporary folder, reached on loopback without a password."""

    def __init__(self, max_connections: int) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres:@127.0.0.1:{self.port}/postgres"
        self.max_connections = max_connections
        self.folder = Path(tempfile.mkdtemp(prefix="r1web-postgres-"))
        self.user = _server_user() if os.geteuid() == 0 else None
        self.server: subprocess.Popen[bytes] | None = None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-U", "postgres", "--auth", "trust", "--no-sync").wait()

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": self.max_connections,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.server = self._run("postgres", *words)
        until(self._answers)

    def kill(self) -> None:
        """At once, without a checkpoint: it recovers at the next start."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait()
            self.server = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        )

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.connect().close()
            return True
        return False

    def _run(self, program: str, *words: str) -> "subprocess.Popen[bytes]":
        path = postgres_program(program)
        assert path is not None
        return subprocess.Popen(
            [path, "-D", str(self.folder), *words],
            cwd=self.folder,
            user=self.user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
