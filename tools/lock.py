"""Write requirements/NAME.txt from NAME.in and what is installed beside this Python.

A lock is every package that the world's `.in` file needs, directly or not, at the version that is
installed here: what was tested is what gets pinned. To move a package, install the version you
want with `.venv/bin/pip install NAME==VERSION`, run `make test`, then `make lock`.

The locks are installed without pip's resolver (`--no-deps`), so each one has to be complete, for
every Python that the project supports.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NO_DEPS = "# no-deps"


def roots(path: Path) -> list[tuple[Requirement, bool]]:
    """The requirements of an `.in` file, each with whether its own dependencies count."""
    found = []
    for line in path.read_text().splitlines():
        text = line.split("#")[0].strip()
        if text:
            found.append((Requirement(text), NO_DEPS not in line))
    return found


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether the requirement holds on any supported Python, for any of the wanted extras."""
    if requirement.marker is None:
        return True
    here = {key: str(value) for key, value in default_environment().items()}
    return any(
        requirement.marker.evaluate(
            {**here, "python_version": python, "python_full_version": f"{python}.0", "extra": extra}
        )
        for python in PYTHONS
        for extra in extras or {""}
    )


def closure(start: list[tuple[Requirement, bool]]) -> dict[str, str]:
    """Name to version of everything that `start` pulls in.

    Raises:
        PackageNotFoundError: a package is needed but not installed.
    """
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(start)
    while todo:
        requirement, follow = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(requirement.name)
        pins[name] = Version(found.version).public
        if follow:
            needs = [Requirement(line) for line in found.requires or []]
            todo += [(need, True) for need in needs if applies(need, set(requirement.extras))]
    return pins


def main(worlds: list[str]) -> int:
    for world in worlds:
        try:
            wanted = roots(REQUIREMENTS / f"{world}.in")
            pins = closure(wanted)
        except PackageNotFoundError as error:
            print(f"{error.name} is needed by {world}.in: install it first.", file=sys.stderr)
            return 1
        lines = [f"# Made by `make lock` from {world}.in: change that file, not this one."]
        where = {
            str(canonicalize_name(need.name)): need.marker for need, _ in wanted if need.marker
        }
        lines += [
            f"{name}=={version}" + (f"; {where[name]}" if name in where else "")
            for name, version in sorted(pins.items())
        ]
        (REQUIREMENTS / f"{world}.txt").write_text("\n".join(lines) + "\n")
        print(f"requirements/{world}.txt: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
