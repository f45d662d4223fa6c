"""One person's machine: loopback only, SQLite and a key of its own below R1WEB_HOME."""

import os
from pathlib import Path

from r1web.settings import environment

os.environ["REDIS_URL"] = environment.local_redis_url(
    environment.folder("R1WEB_HOME", Path(__file__).resolve().parent.parent.parent / "var")
)

from r1web.settings.base import *

SECRET_KEY = environment.secret_key() or environment.local_secret_key(R1WEB_HOME)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *ALLOWED_HOSTS]

R1WEB_STOP_GRACE_S = environment.integer("R1WEB_STOP_GRACE_S", 10, 1, 3600)  # Ctrl-C ends in 15 s
