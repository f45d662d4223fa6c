"""The product's settings in production, with a trainer that costs nothing while it lives."""

from r1web.settings.production import *  # noqa: F403 - each settings file starts from another

TRAINER_COMMAND = [
    "/bin/sh",
    "-c",
    'mkfifo "$2/over" && read -r over < "$2/over"; exit 0',  # "$2" is the run's directory
    "trainer",
]
"""It waits until somebody opens the pipe; trainers.py writes its journal."""
