"""Whoever operates r1web finds every setting in docs/operating.md."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'"((?:R1WEB_[A-Z_]+)|DATABASE_URL|REDIS_URL)"')


def test_every_environment_variable_is_documented() -> None:
    sources = [
        *(ROOT / "r1web" / "settings").glob("*.py"),
        *(ROOT / "r1web" / "cluster").rglob("*.py"),
    ]
    read = {name for path in sources for name in NAME.findall(path.read_text())}
    documented = (ROOT / "docs" / "operating.md").read_text()

    assert {"R1WEB_HOME", "R1WEB_PORT", "REDIS_URL", "DATABASE_URL"} <= read
    assert {name for name in read if name not in documented} == set()
