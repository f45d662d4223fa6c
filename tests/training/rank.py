"""Runs a Python file as one rank of a job, which then ends as the trainer does.

Called as: python -m tests.training.rank FILE ARGUMENT...

Torch is not taken down, whose threads sometimes abort the process at that.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
