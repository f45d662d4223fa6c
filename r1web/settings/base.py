"""What every installation shares. Local, production and test settings start from here."""

import os
import platform
import ssl
import sys
from pathlib import Path
from typing import Any

from r1web.beat import Every
from r1web.settings import environment, submission
from r1web.settings.panel import UNFOLD as UNFOLD  # noqa: PLC0414 - a setting, read by name

BASE_DIR = Path(__file__).resolve().parent.parent.parent
R1WEB_HOME = environment.folder("R1WEB_HOME", BASE_DIR / "var")
R1WEB_RUNS_DIR = R1WEB_HOME / "runs"
R1WEB_PORT = environment.integer("R1WEB_PORT", 8000, 1, 65535)
R1WEB_DEMO = environment.flag("R1WEB_DEMO", True)

R1WEB_NODE_NAME = environment.text("R1WEB_NODE_NAME", platform.node() or "node")
R1WEB_NODE_ADDRESS = environment.text("R1WEB_NODE_ADDRESS")
R1WEB_RENDEZVOUS_PORT = environment.integer("R1WEB_RENDEZVOUS_PORT", 29500, 1024, 65000)
R1WEB_CPU_SLOTS = environment.integer(
    "R1WEB_CPU_SLOTS", max(1, (os.cpu_count() or 1) // 2), 1, 1024
)
R1WEB_SUBMIT = submission.read()
R1WEB_STOP_GRACE_S = environment.integer("R1WEB_STOP_GRACE_S", 20, 1, 3600)
R1WEB_KEEP_DELETED_DAYS = environment.integer("R1WEB_KEEP_DELETED_DAYS", 7, 0, 3650)
R1WEB_CO2_G_PER_KWH = environment.integer("R1WEB_CO2_G_PER_KWH", 436, 0, 5000)
R1WEB_METRICS_TOKEN = environment.text("R1WEB_METRICS_TOKEN")
TRAINER_COMMAND = [sys.executable, "-m", "training", "launch"]
EXPORT_COMMAND = [sys.executable, "-m", "training", "export"]
SERVE_COMMAND = [sys.executable, "-m", "training", "serve"]

DEBUG = False
ALLOWED_HOSTS = environment.words("R1WEB_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.words("R1WEB_TRUSTED_ORIGINS")

R1WEB_PUBLIC_URL = [*CSRF_TRUSTED_ORIGINS, f"http://127.0.0.1:{R1WEB_PORT}"][0]
R1WEB_WEBHOOK_LOOPBACK = environment.flag("R1WEB_WEBHOOK_LOOPBACK", False)
R1WEB_EMAIL_URL = environment.text("R1WEB_EMAIL_URL")
globals().update(environment.email("R1WEB_EMAIL_URL"))
DEFAULT_FROM_EMAIL = environment.text("R1WEB_EMAIL_FROM", "r1web@localhost")
EMAIL_TIMEOUT = 10

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "ninja",
    "r1web.accounts",
    "r1web.runs",
    "r1web.metrics",
    "r1web.rollouts",
    "r1web.cluster",
    "r1web.ledger",
    "r1web.live",
    "r1web.alerts",
    "r1web.compare",
    "r1web.releases",
    "r1web.playground",
    "r1web.reports",
    "r1web.provenance",
    "r1web.api",
    "r1web.local",
    "r1web.operations",
]

MIDDLEWARE = [
    "r1web.logs.RequestIdMiddleware",
    "r1web.operations.monitoring.requests.MeasureMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "r1web.security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "r1web.api.middleware.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "r1web.urls"
ASGI_APPLICATION = "r1web.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "r1web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": environment.database(R1WEB_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "signin"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "r1web" / "static"]
WHITENOISE_USE_FINDERS = True  # serves what packages and the app's build hold, uncollected


def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:  # noqa: ARG001, N802
    """Vite puts a hash of the content into every name below app/assets."""
    return "/static/app/assets/" in url


REDIS_URL = environment.url("REDIS_URL", "redis://127.0.0.1:6379/0", ("redis", "rediss"))
REDIS_PREFIX = environment.text("R1WEB_REDIS_PREFIX", "r1web")

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # A socket waits for its next message in calls of 5 s, which is redis-py's timeout, too.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 10, "socket_connect_timeout": 2}],
            "prefix": f"{REDIS_PREFIX}:live",
            # One channel serves every socket of a process: the default of 100 overflows at once.
            "capacity": 2000,
            "expiry": 30,
            # A living process joins its groups anew every 15 s; what is sent to one that was killed
            # would fill its channel. More than that, for clocks that differ.
            "group_expiry": 300,
        },
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT = "r1web.broker:Transport"
# By itself, kombu would trust any certificate. What the URL says of them (?ssl_ca_certs=) counts.
CELERY_BROKER_USE_SSL = (
    {"ssl_cert_reqs": ssl.CERT_REQUIRED} if REDIS_URL.startswith("rediss://") else None
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}:celery:",
    "visibility_timeout": 3600,  # no task lives longer than seconds; a job is not a task
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Publishing: whoever sends a task does not wait for a broker that is away.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_PUBLISH_RETRY = False  # beat asks again two seconds later
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULE_FILENAME = str(R1WEB_HOME / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    # A tick that waited longer than this has been overtaken by the next one.
    "schedule": {"task": "cluster.schedule", "schedule": Every(2.0), "options": {"expires": 4}},
    "reconcile": {"task": "cluster.reconcile", "schedule": Every(5.0), "options": {"expires": 10}},
    "canaries": {
        "task": "operations.release_canaries",
        "schedule": Every(15.0),
        "options": {"expires": 15},
    },
    "alerts": {"task": "alerts.deliver", "schedule": Every(10.0), "options": {"expires": 20}},
    "silence": {
        "task": "alerts.look_for_silence",
        "schedule": Every(30.0),
        "options": {"expires": 60},
    },
    "budgets": {
        "task": "alerts.look_at_budgets",
        "schedule": Every(30.0),
        "options": {"expires": 60},
    },
    "seal": {"task": "rollouts.seal", "schedule": Every(30.0), "options": {"expires": 30}},
    "releases": {
        "task": "releases.look_after",
        "schedule": Every(10.0),
        "options": {"expires": 20},
    },
    "prune": {"task": "operations.prune", "schedule": Every(600.0), "options": {"expires": 600}},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        # /health/ready says by 503 what is missing, as often as it is asked; it is no fault.
        "not_ready": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 503,
        },
        "ids": {"()": "r1web.logs.AddContext"},
    },
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "r1web.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": environment.choice("R1WEB_LOG_FORMAT", "plain", ("plain", "json")),
            "filters": ["ids"],
        },
        "drops": {"class": "r1web.live.backlog.DropCounter"},
    },
    "root": {"handlers": ["stderr"], "level": environment.text("R1WEB_LOG_LEVEL", "INFO")},
    "loggers": {
        # A 4xx answer is the caller's affair, and its path may hold a one-time secret.
        "django.request": {"level": "ERROR", "filters": ["not_ready"]},
        "django.server": {"level": "ERROR"},
        # The only sign of a message that the channel layer drops.
        "channels_redis.core": {"level": "INFO", "handlers": ["drops"]},
        # It comes with a handler of its own; its lines look like all others.
        "uvicorn": {"handlers": [], "propagate": True},
        # A path may hold a one-time secret; /metrics counts requests by route.
        "uvicorn.access": {"handlers": [], "propagate": False},
        # Beat's ticks would fill the worker's log with two lines a second.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # Each sign of each font that a PDF needs.
        "fontTools": {"level": "WARNING"},
    },
}
