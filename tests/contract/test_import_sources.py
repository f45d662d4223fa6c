"""Direct imports, read from the sources: what may stand in which file at all."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIRE = [ROOT / "training" / "events.py", *sorted((ROOT / "training" / "config").rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Dotted names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", WIRE, ids=lambda path: path.name)
def test_the_wire_imports_the_standard_library_and_pydantic_only(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core"}

    foreign = [
        name
        for name in imports(path)
        if name.split(".")[0] not in allowed and not name.startswith("training.config")
    ]

    assert foreign == []


def test_the_dashboard_imports_only_the_wire_of_the_trainer() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "r1web").rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in {"training", "kernels"}
        and not name.startswith(("training.config", "training.events"))
    }

    assert found == set()


def test_only_the_engine_imports_deepspeed() -> None:
    outside = [
        str(path.relative_to(ROOT))
        for folder in ("training", "kernels", "r1web")
        for path in (ROOT / folder).rglob("*.py")
        if "deepspeed" in {name.split(".")[0] for name in imports(path)}
        and (ROOT / "training" / "distributed") not in path.parents
    ]

    assert outside == []
