"""One contender in a process of its own, told by lines of JSON what to do.

python -m benchmarks.curves.side NAME FOLDER: each line is [method, argument, …], and each answer a
line with what the method gave. What libraries print goes where errors go.
"""

import importlib
import json
import os
import sys
from pathlib import Path


def main(name: str, folder: str) -> None:
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if name == "ours":
        import django  # noqa: PLC0415 - the others' Python has none

        django.setup()
    contender = importlib.import_module(f"benchmarks.curves.{name}").Contender(Path(folder))
    try:
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            print(json.dumps(getattr(contender, method)(*arguments)), file=told, flush=True)
    finally:
        contender.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
