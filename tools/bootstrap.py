"""Make the virtual environment, install the locked packages, build the browser app.

Standard library only: this runs before anything is installed. Each step is skipped when its stamp
says that nothing it depends on has changed, so a prepared checkout takes a fraction of a second.
Whatever is downloaded or built stays in the repository folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import browser_app
from packages import pip_install
from progress import StepFailedError, run_step

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOG = CACHE / "setup.log"
REQUIREMENTS = ROOT / "requirements"
WORLDS = {
    "run": (".venv", ("app", "train")),
    "test": (".venv", ("app", "train", "dev")),
    "bench": (".venv-bench", ("bench",)),
    "vllm": (".venv-vllm", ("vllm",)),
    "trackers": (".venv-trackers", ("trackers",)),
}
ROOM_BYTES = 8 * 1024**3
"""Room for the packages and their downloads; torch with its CUDA packages takes most of it."""


class SetupError(Exception):
    """One sentence that says what is wrong and what to do."""


def digest(locks: list[Path]) -> str:
    """SHA-256 of what an installation depends on: the locks, this Python, and the folder."""
    found = hashlib.sha256(f"{sys.version}\0{ROOT}".encode())
    for lock in locks:
        found.update(lock.read_bytes())
    return found.hexdigest()


def check_machine() -> None:
    """Raise SetupError when an installation cannot succeed here."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "This Python cannot make virtual environments: install its venv module "
            "(Debian and Ubuntu: `apt install python3-venv`) and run this again."
        )
    free = shutil.disk_usage(ROOT).free
    if free < ROOM_BYTES:
        raise SetupError(
            f"Installing needs {ROOM_BYTES / 1024**3:.0f} GB of free disk, but {ROOT} has "
            f"{free / 1024**3:.1f} GB: make room and run this again."
        )


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the setup lock, so that two commands started together do not install into each other."""
    try:
        CACHE.mkdir(exist_ok=True)
        lock = (CACHE / "setup.lock").open("w")
    except OSError as error:
        raise SetupError(
            f"Cannot write to {ROOT} ({error.strerror}): check who owns the folder, or clone "
            "the repository to a place where you may write."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another setup in this folder …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_by_this_python(venv: Path) -> bool:
    """Two Pythons must not share an environment, not even of the same version."""
    return (venv / "bin" / "python").resolve() == Path(sys.executable).resolve()


def install(world: str) -> None:
    """Bring the world's virtual environment to what its locks say.

    Torch goes first and with its dependencies: for a GPU it brings CUDA packages that a lock made
    elsewhere cannot name. All else is exactly what the locks say, without a resolver.
    """
    folder, names = WORLDS[world]
    venv = ROOT / folder
    python = venv / "bin" / "python"
    locks = [REQUIREMENTS / f"{name}.txt" for name in names]
    stamp = venv / f".installed-{world}"
    if python.exists() and stamp.is_file() and stamp.read_text() == digest(locks):
        return
    check_machine()
    for old in venv.glob(".installed-*"):
        old.unlink()  # a half-finished installation must not pass for a whole one
    again = [] if made_by_this_python(venv) else ["--clear"]
    make = [sys.executable, "-m", "venv", *again, str(venv)]
    run_step("Making the virtual environment", make, LOG)
    pins = [line for lock in locks for line in lock.read_text().splitlines()]
    torch = [line for line in pins if line.startswith("torch==")]
    constraints = [part for lock in locks for part in ("-c", str(lock))]
    files = [part for lock in locks for part in ("-r", str(lock))]
    if torch:
        pip_install(python, "Installing torch", [*constraints, *torch], LOG)
    pip_install(python, "Installing the packages", ["--no-deps", *files], LOG)
    stamp.write_text(digest(locks))
    if world == "test":
        (venv / ".installed-run").write_text(digest(locks[:2]))


def main(arguments: list[str]) -> int:
    """Set up one world; exit code 1 and one sentence on stderr when that cannot be done."""
    world = arguments[0] if arguments else "run"
    if world not in WORLDS:
        print(f"usage: setup.py {'|'.join(WORLDS)}", file=sys.stderr)
        return 2
    try:
        with only_one():
            install(world)
            if WORLDS[world][0] == ".venv":
                browser_app.build(LOG)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except StepFailedError as error:
        log = os.path.relpath(LOG)
        print(
            f"Set-up failed: {error} (the full log is {log}): check the network connection and "
            "the free disk, and run this again.",
            file=sys.stderr,
        )
        return 1
    return 0
