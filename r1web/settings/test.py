"""Tests: a folder of their own, quick password hashing, SQLite in a file (threads share it)."""

import atexit
import os
import shutil
import tempfile

if "R1WEB_HOME" not in os.environ:
    os.environ["R1WEB_HOME"] = tempfile.mkdtemp(prefix="r1web-test-")
    atexit.register(shutil.rmtree, os.environ["R1WEB_HOME"], ignore_errors=True)
# No Redis but those that tests start themselves: nobody listens at port 1.
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

from r1web.settings.base import *

SECRET_KEY = "only-for-tests-only-for-tests-only-for-tests"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(R1WEB_HOME / "test.sqlite3")}
WHITENOISE_AUTOREFRESH = True  # looks for a file when asked, not for all of them at each start
