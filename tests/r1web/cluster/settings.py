"""Test settings for the processes that tests start: their trainer is fake_trainer.py."""

import sys
from pathlib import Path

from r1web.settings.test import *  # noqa: F403 - each settings file starts from another
from r1web.settings.test import DATABASES

TRAINER_COMMAND = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]
R1WEB_STOP_GRACE_S = 2

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A locked database counts as away at once, so that tests need not wait for it.
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "timeout": 0.5}
