"""The story of `manage.py up`: check, start, show the address, watch, stop in order."""

import contextlib
import fcntl
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from r1web.local import plan
from r1web.local.address import LOOPBACK, choose_address, redis_address
from r1web.local.checks import check_port, port_is_free
from r1web.local.errors import CannotStartError
from r1web.local.processes import Child, last_line, record, rotate, stop_leftovers
from r1web.local.redis import answers, check_external

START_PATIENCE_S = 60.0
PROCESS_PATIENCE_S = 2.0
LOOK_EVERY_S = 0.25
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def say(sentence: str) -> None:
    print(sentence, flush=True)


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the data folder, so that two stacks do not write into it."""
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise CannotStartError(
                f"r1web already runs on the data folder {home} (process {lock.read().strip()}): "
                "stop that one, or set R1WEB_HOME to another folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class Stack:
    """The processes of one machine, in the order they were started."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.logs = home / "logs"
        self.children: list[Child] = []
        self.asked_to_stop = False

    def prepare(self) -> None:
        """Check the machine and tidy up what a crash has left."""
        self.logs.mkdir(exist_ok=True)
        left = stop_leftovers(self.home / "processes.json", PROCESS_PATIENCE_S)
        if left:
            say(f"Stopped {left} processes that an earlier start had left behind.")
        check_port(self.port)

    def settle_redis_port(self, url: str) -> None:
        """Begin anew with another port when a stranger has taken the one of our Redis."""
        address = redis_address(self.home)
        if url == address.url and not port_is_free(address.port):
            choose_address(self.home)
            os.environ.pop("REDIS_URL", None)
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this program again

    def start(self, child: Child) -> None:
        rotate(child.log)
        child.start()
        self.children.append(child)
        self.remember()

    def remember(self) -> None:
        record(self.home / "processes.json", self.children)

    def forget(self) -> None:
        (self.home / "processes.json").unlink(missing_ok=True)

    def start_redis(self, url: str) -> None:
        """Start our Redis, unless `url` is somebody else's; that one has to answer."""
        address = redis_address(self.home)
        if url != address.url:
            check_external(url)
            return
        server = plan.redis_server(self.home, self.logs, address)
        self.start(server)
        if self.wait_for(lambda: answers(url), server):
            return
        dump = self.home / "redis.rdb"
        if not dump.exists():
            raise CannotStartError(f"Redis did not start ({last_line(server.log)}).")
        # Another Redis has written the dump in a form that this one cannot read. The database is
        # the truth about runs, so nothing is lost with it.
        dump.replace(self.home / "redis.rdb.unreadable")
        say("Redis cannot read its dump; it starts empty, and the old dump is kept beside it.")
        server.start()
        self.remember()
        if not self.wait_for(lambda: answers(url), server):
            raise CannotStartError(f"Redis did not start ({last_line(server.log)}).")

    def wait_for(self, ready: Callable[[], bool], child: Child) -> bool:
        """Wait until `ready`; False when the child ends before or takes too long."""
        deadline = time.monotonic() + START_PATIENCE_S
        while not ready():
            self.heed_stop()
            if child.ended() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def serves(self) -> bool:
        """Whether the web server answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{LOOPBACK}:{self.port}/api/v1/health/live", timeout=5) as got:
                return bool(got.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def start_rest(self) -> None:
        """Start web and worker together, wait for the page, then start beat.

        Two cores carry two starting interpreters well; beat is the one that nobody waits for.
        """
        web = plan.web_server(self.logs, self.port)
        self.start(web)
        self.start(plan.worker(self.logs))
        if not self.wait_for(self.serves, web):
            raise CannotStartError(
                f"The web server did not start ({last_line(web.log)}): see {web.log}."
            )
        self.start(plan.beat(self.logs))

    def look_after(self) -> None:
        """Start again what has died; until somebody asks to stop."""
        self.heed_stop()
        for child in self.children:
            code = child.ended()
            if code is not None:
                pause = child.plan_restart()
                when = f"in {pause:.0f} s" if pause else "now"
                say(
                    f"{child.name} ended with code {code} and starts again {when}: see {child.log}."
                )
            if child.due():
                child.start()
                self.remember()

    def heed_stop(self) -> None:
        """Raise StopRequested once more: in a `__del__` or a callback, Python drops what a signal's
        handler raises."""
        if self.asked_to_stop:
            raise StopRequested

    def started(self, name: str) -> bool:
        return any(child.name == name for child in self.children)

    def signal_to(self, names: set[str]) -> None:
        """SIGTERM to the named processes, without waiting."""
        for child in self.children:
            if child.name in names:
                child.send(signal.SIGTERM)

    def stop(self, names: set[str]) -> None:
        """Stop the named processes together."""
        self.signal_to(names)
        for child in self.children:
            if child.name in names:
                child.stop(PROCESS_PATIENCE_S)

    def kill(self) -> None:
        """End everything at once; Redis still writes its dump."""
        for child in self.children:
            child.send(signal.SIGTERM if child.name == "Redis" else signal.SIGKILL)


def on_signals(stack: Stack) -> None:
    """The first Ctrl-C or SIGTERM raises StopRequested, the second ends everything at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stack.asked_to_stop:
            stack.kill()
            os._exit(128 + number)
        stack.asked_to_stop = True
        raise StopRequested

    for number in STOPS:
        signal.signal(number, handle)
