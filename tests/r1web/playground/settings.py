"""Test settings for the sessions that tests start: their trainer is fake_serve.py."""

from r1web.settings.test import *  # noqa: F403 - each settings file starts from another
from tests.r1web.playground.fake_serve import COMMAND

SERVE_COMMAND = COMMAND
