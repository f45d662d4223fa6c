"""Everything that `make test` checks, part by part, with one summary at the end.

`check.py` runs all of it; `check.py lint` only what takes seconds. A part that fails does not keep
the others from running. Browser tests need Chromium: it is installed when that is permitted.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m"]
LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/r1web"
VLLM = ROOT / ".venv-vllm" / "bin" / "python"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INTERPRETER = {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
NO_DATABASE = (
    "tests/r1web/cluster/test_planning.py",
    "tests/r1web/cluster/test_simulation.py",
    "tests/r1web/cluster/test_two_nodes.py::test_a_node_that_does_not_start_its_part_is_named",
    "tests/r1web/cluster/test_two_nodes.py::test_a_run_on_two_nodes_survives_that_they_lose_each_other",
    "tests/r1web/local",
    "tests/r1web/settings",
    "tests/r1web/test_logs.py",
    "tests/r1web/test_processes.py",
)
"""Tests to which it makes no difference which database there is: they run on SQLite only."""

COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
FAILURE = re.compile(r"(FAILED|ERROR) |E   +\S| +\| \S+(Error|Warning): ")
"""Lines of pytest's output that say which test failed, and of what."""


@dataclass(frozen=True)
class Outcome:
    """Whether a part passed, a note for the summary, and what to read first if it did not."""

    passed: bool
    note: str = ""
    failures: Sequence[str] = ()


Check = Callable[[], Outcome]


def run(command: list[str], env: dict[str, str] | None = None) -> tuple[bool, list[str]]:
    """Run a command in the repository, its output going to the terminal and, by lines, back."""
    said = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None  # noqa: S101  # it was opened as a pipe
        for line in child.stdout:
            print(line, end="", flush=True)
            said.append(line)
    return child.returncode == 0, said


def program(*command: str) -> Check:
    return lambda: Outcome(run([*command])[0])


def tool(*words: str) -> Check:
    return program(*PYTHON, *words)


def beside(program: str) -> str:
    """Path of a program of the virtual environment."""
    return str(Path(sys.executable).with_name(program))


def script(name: str) -> Check:
    """One of the browser app's npm scripts."""
    return program(sys.executable, "tools/browser_app.py", name)


def pytest(*words: str, **env: str) -> Check:
    def call() -> Outcome:
        passed, said = run([*PYTHON, "pytest", "-q", *words], env)
        counts = COUNTED.findall("".join(said[-5:]))
        failures = [] if passed else [line.rstrip() for line in said if FAILURE.match(line)]
        return Outcome(passed, ", ".join(f"{number} {word}" for number, word in counts), failures)

    return call


def postgres() -> str | None:
    """URL of the PostgreSQL to test on: DATABASE_URL, else a local server that lets us in."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        return given
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(LOCAL_POSTGRES, dbname="postgres", connect_timeout=2).close()
        return LOCAL_POSTGRES
    return None


def install_browser() -> str | None:
    """Path of a Chromium, installed from the system's packages if need be and permitted."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found or not shutil.which("apt-get"):
        return found
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and not shutil.which("sudo"):
        return None
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "chromium"]):
        if not run([*root, "apt-get", *words], quiet)[0]:
            return None
    return shutil.which("chromium")


def browser_tests() -> Outcome:
    browser = install_browser()
    if browser is None:
        return Outcome(
            False,
            "the browser tests need Chromium: install it (Debian: `apt install chromium`) and "
            "run `make test` again",
        )
    return pytest("-m", "e2e", "tests/e2e", "--maxfail", "3", R1WEB_TEST_BROWSER=browser)()


def vllm_tests() -> Outcome:
    """Said, not counted as a failure, where vLLM is not: several GB that few machines need."""
    if not VLLM.exists():
        return Outcome(True, "not run: there is no .venv-vllm; `make vllm` makes it (several GB)")
    return pytest("-m", "vllm", "tests/training")()


def types_are_fresh() -> Outcome:
    passed, said = run([sys.executable, "tools/make_types.py", "check"])
    return Outcome(passed, "" if passed else said[-1].strip())


def no_postgres() -> Outcome:
    """Said, not counted as a failure: only .ci/run insists on PostgreSQL."""
    return Outcome(True, "not run: set DATABASE_URL, or start a server on 127.0.0.1:5432")


def lint_parts() -> dict[str, Check]:
    return {
        "ruff check": tool("ruff", "check", "."),
        "ruff format": tool("ruff", "format", "--check", "."),
        "mypy": tool("mypy"),
        "import contracts": program(beside("lint-imports")),
    }


def all_parts() -> dict[str, Check]:
    url = postgres()
    # They wait more than they work: more of them than there are cores.
    dashboard = ["-n", "4", "tests/r1web"]
    on_both = [*dashboard, *map("--deselect={}".format, NO_DATABASE)]
    return {
        **lint_parts(),
        "generated types are fresh": types_are_fresh,
        "TypeScript lint": script("lint"),
        "TypeScript types": script("typecheck"),
        "TypeScript tests": script("test"),
        "trainer, kernels, tools": pytest(
            "-n", "2", "-m", "not e2e and not vllm", "tests", "--ignore", "tests/r1web"
        ),
        "Triton kernels, interpreted": pytest(
            "-n", "2", "tests/kernels/interpreted", **INTERPRETER
        ),
        "dashboard on SQLite": pytest(*dashboard, DATABASE_URL=""),
        "dashboard on PostgreSQL": pytest(*on_both, DATABASE_URL=url) if url else no_postgres,
        "vLLM engine": vllm_tests,
        "browser tests": browser_tests,
    }


def check(name: str, part: Check) -> tuple[Outcome, str]:
    """Run a part: what came of it, and its line of the summary."""
    print(f"\n── {name}", flush=True)
    started = time.monotonic()
    outcome = part()
    mark, seconds = "ok  " if outcome.passed else "FAIL", time.monotonic() - started
    return outcome, f"{mark} {name:28}{seconds:7.1f} s  {outcome.note}".rstrip()


def main(arguments: list[str]) -> int:
    parts = lint_parts() if arguments == ["lint"] else all_parts()
    results = [check(name, part) for name, part in parts.items()]
    print("\n── summary")
    print(*(line for _, line in results), sep="\n")
    failed = [outcome for outcome, _ in results if not outcome.passed]
    # Last of all, where the end of a long log is all that one is shown.
    for outcome in failed:
        print(*outcome.failures[-20:], sep="\n")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
