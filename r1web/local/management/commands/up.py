"""`manage.py up`: start r1web on this machine and stay until Ctrl-C."""

import select
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.utils import DatabaseError

from r1web.accounts.models import User
from r1web.accounts.services import create_signin_link, ensure_local_operator
from r1web.local import training
from r1web.local.address import LOOPBACK
from r1web.local.checks import check_home
from r1web.local.database import migrate, pending_migrations
from r1web.local.errors import CannotStartError
from r1web.local.stack import LOOK_EVERY_S, Stack, StopRequested, on_signals, only_one, say

TRAINER_PATIENCE_S = 11.5
"""A little more than the seconds after which a supervisor ends a trainer that does not save."""


class Command(BaseCommand):
    help = "Start Redis, web, worker and beat on this machine, and stop them on Ctrl-C."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            check_home(settings.R1WEB_HOME)
            with only_one(settings.R1WEB_HOME):
                run_stack(Stack(settings.R1WEB_HOME, settings.R1WEB_PORT))
        except CannotStartError as error:
            self.stderr.write(str(error))
            sys.exit(1)


def run_stack(stack: Stack) -> None:
    """Start everything, keep it running until somebody stops it, stop it in order."""
    stack.prepare()
    stack.settle_redis_port(settings.REDIS_URL)
    on_signals(stack)
    try:
        operator = start(stack)
        watch(stack, operator)
    except StopRequested:
        say("")
    finally:
        shut_down(stack)


def start(stack: Stack) -> User:
    """Bring everything up and print the address."""
    say("Starting Redis …")
    stack.start_redis(settings.REDIS_URL)
    pending = pending_migrations()
    if pending:
        say(f"Preparing the database: {pending} migrations …")
        migrate()
    operator = ensure_local_operator(settings.R1WEB_HOME / "token")
    say("Starting web, worker and beat …")
    stack.start_rest()
    say(f"r1web is at http://{LOOPBACK}:{stack.port}{create_signin_link(operator)}")
    if settings.R1WEB_DEMO:
        run = training.submit_first_run(operator)
        if run:
            say(f"Started the first run: {run}. R1WEB_DEMO=0 starts without one.")
    return operator


def watch(stack: Stack, operator: User) -> None:
    """Restart what dies, and resume on request what the last shutdown stopped; never returns."""
    stopped = training.stopped_by_shutdown()
    if stopped:
        names = ", ".join(str(run) for run in stopped)
        say(f"Stopped with r1web the last time: {names}. Resume on the page, or here.")
    asking = bool(stopped) and sys.stdin.isatty()
    if asking:
        print("Resume now? [y/N] ", end="", flush=True)
    connection.close()
    while True:
        stack.look_after()
        ready, _, _ = select.select([sys.stdin] if asking else [], [], [], LOOK_EVERY_S)
        if ready:
            asking = False
            if sys.stdin.readline().strip().lower() in {"y", "yes"}:
                for sentence in training.resume_all(stopped, operator):
                    say(sentence)


def stop_runs() -> None:
    try:
        left = training.stop_all(TRAINER_PATIENCE_S)
    except DatabaseError as error:
        cause = str(error).partition("\n")[0]
        say(f"The database does not answer, so runs were not asked to stop ({cause}).")
    else:
        if left:
            say(f"{left} runs are still saving; they end by themselves.")


def shut_down(stack: Stack) -> None:
    """Trainers first, so that they save; then worker, beat, web and Redis."""
    started = time.monotonic()
    worked = stack.started("worker")
    if worked:
        say("Stopping: runs save a checkpoint first. Ctrl-C again ends everything at once.")
        stack.signal_to({"worker", "beat"})  # nothing new is started
        stop_runs()
    for names in ({"worker", "beat"}, {"web"}, {"Redis"}):
        stack.stop(names)
    stack.forget()
    if worked:
        say(f"r1web has stopped ({time.monotonic() - started:.1f} s).")
