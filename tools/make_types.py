"""Write the browser app's types from the server's OpenAPI description.

`make_types.py check` writes them too, and fails when that changed a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import browser_app

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / "frontend" / "openapi.json"
TYPES = ROOT / "frontend" / "src" / "api" / "schema.gen.ts"


def contents() -> list[str]:
    return [path.read_text() if path.exists() else "" for path in (DESCRIPTION, TYPES)]


def write() -> int:
    """Exit code of the last command; both files are written when it is 0."""
    exported = subprocess.run(
        [sys.executable, "manage.py", "export_openapi"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "r1web.settings.test"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if exported.returncode:
        return exported.returncode
    DESCRIPTION.write_text(exported.stdout)
    return browser_app.run_script("types", browser_app.CACHE / "setup.log")


def main(arguments: list[str]) -> int:
    before = contents()
    code = write()
    if code:
        return code
    if arguments == ["check"] and contents() != before:
        print("The generated types were stale and have been written anew: commit them.")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
