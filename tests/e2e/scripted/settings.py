"""The local settings, with the scripted trainer in place of the real one."""

import sys

from r1web.settings.local import *  # noqa: F403  # as every setting file does

TRAINER_COMMAND = [sys.executable, "-m", "tests.e2e.scripted.trainer"]
