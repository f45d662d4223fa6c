"""Test settings for the processes that tests start: their trainer is fake_trainer.py."""

import sys
from pathlib import Path

from r1web.settings.test import *  # noqa: F403 - each settings file starts from another

TRAINER_COMMAND = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]
R1WEB_STOP_GRACE_S = 2
