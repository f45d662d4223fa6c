"""The local settings, with a trainer that writes two hundred series in place of the real one."""

import sys

from r1web.settings.local import *  # noqa: F403 - each settings file starts from another

TRAINER_COMMAND = [sys.executable, "-m", "benchmarks.charts.trainer"]
