"""Which processes the stack is made of, with their command lines and environment."""

import sys
from pathlib import Path

from r1web.local.address import LOOPBACK, RedisAddress
from r1web.local.processes import Child
from r1web.local.redis import server_config, server_program


def caches(home: Path) -> dict[str, str]:
    """Environment that keeps what libraries put into a home directory inside the data folder."""
    cache = home / "cache"
    return {
        "XDG_CACHE_HOME": str(cache),
        "XDG_CONFIG_HOME": str(cache / "config"),
        "HF_HOME": str(cache / "huggingface"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "TORCH_EXTENSIONS_DIR": str(cache / "torch_extensions"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "TRITON_HOME": str(cache),
    }


def redis_server(home: Path, logs: Path, address: RedisAddress) -> Child:
    return Child(
        name="Redis",
        command=[server_program(), "-"],
        log=logs / "redis.log",
        stdin=server_config(home, address),
    )


def web_server(logs: Path, port: int) -> Child:
    command = [sys.executable, "-m", "uvicorn", "r1web.asgi:application", "--host", LOOPBACK]
    command += ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "1"]
    # To compress each message anew for each browser takes ten times as long as all the rest.
    command += ["--ws-per-message-deflate", "false"]
    return Child("web", command, logs / "web.log")


def worker(logs: Path) -> Child:
    """One process: its tasks take milliseconds, since training runs under supervisors."""
    command = [sys.executable, "-m", "celery", "-A", "r1web.celery", "worker", "--pool", "threads"]
    command += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return Child("worker", command, logs / "worker.log")


def beat(logs: Path) -> Child:
    command = [sys.executable, "-m", "celery", "-A", "r1web.celery", "beat", "--pidfile", ""]
    return Child("beat", [*command, "--loglevel", "WARNING"], logs / "beat.log")
