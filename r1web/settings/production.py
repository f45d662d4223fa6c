"""Behind a TLS proxy, for a team: nothing is guessed."""

from django.core.exceptions import ImproperlyConfigured

from r1web.settings import environment
from r1web.settings.base import *

SECRET_KEY = environment.secret_key() or ""
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured(
        "Set R1WEB_SECRET_KEY (or R1WEB_SECRET_KEY_FILE) to at least 32 random characters."
    )
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "Set R1WEB_ALLOWED_HOSTS to the host names people use, for example r1web.example.org."
    )

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = environment.flag("R1WEB_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/", r"^metrics$"]
SECURE_HSTS_SECONDS = environment.integer("R1WEB_HSTS_SECONDS", 31_536_000, 0, 10**9)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
