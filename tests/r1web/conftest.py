"""The small cast: owner, member and viewer of one project, and a stranger to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from r1web.accounts.models import Membership, Project, User
from r1web.accounts.services import create_token
from r1web.runs.models import Attempt, Checkpoint, Run, State
from r1web.runs.services import create_run, transition
from tests.r1web.servers import OwnRedis

PRESET = "r1-zero-nano"


@dataclass
class Api:
    """Speaks to /api/v1 as one caller; answers are Django's responses."""

    headers: Mapping[str, str]

    def get(self, path: str, **query: Any) -> HttpResponse:
        return Client().get(f"/api/v1{path}", query, headers=self.headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return Client().generic(
            method,
            f"/api/v1{path}",
            body if isinstance(body, str | bytes) else json.dumps({} if body is None else body),
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any) -> HttpResponse:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> HttpResponse:
        return self.send("DELETE", path)


def caller(user: User) -> Api:
    return Api({"Authorization": f"Bearer {create_token(user=user, name='test').secret}"})


def in_project(name: str, project: Project, role: str) -> User:
    user = User.objects.create_user(name, password="correct horse")
    Membership.objects.create(user=user, project=project, role=role)
    return user


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A test's own transaction is idle for as long as what it waits for takes, which PostgreSQL is
    asked elsewhere to give up after a while. Processes that tests start ask as ever."""
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "postgresql":
        options["options"] += " -c idle_in_transaction_session_timeout=0"


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="sums", name="Sums")


@pytest.fixture
def owner(project: Project) -> User:
    return in_project("olga", project, Membership.Role.OWNER)


@pytest.fixture
def member(project: Project) -> User:
    return in_project("milo", project, Membership.Role.MEMBER)


@pytest.fixture
def viewer(project: Project) -> User:
    return in_project("vera", project, Membership.Role.VIEWER)


@pytest.fixture
def stranger(db: None) -> User:
    elsewhere = Project.objects.create(slug="elsewhere", name="Elsewhere")
    return in_project("stan", elsewhere, Membership.Role.OWNER)


@pytest.fixture
def api(owner: User) -> Api:
    """The owner, calling with a token."""
    return caller(owner)


@pytest.fixture
def runs_dir(settings: Settings, tmp_path: Path) -> Path:
    """The folder of all runs' directories, empty."""
    settings.R1WEB_RUNS_DIR = tmp_path / "runs"
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of the tests' own, empty, on a free port of loopback."""
    server = OwnRedis()
    server.start()
    yield server.url
    server.kill()


@pytest.fixture
def make_run(owner: User, project: Project) -> Callable[..., Run]:
    """A queued run of the owner, or one that has come to `state`."""

    def make(state: State = State.QUEUED, *, name: str = "sums", **changes: Any) -> Run:
        run = create_run(
            owner=owner,
            project=project,
            preset=PRESET,
            name=name,
            overrides=changes.pop("overrides", {}),
            tags=changes.pop("tags", ()),
        )
        for step in WAYS[state]:
            transition(run=run, to=step, reason="so the test begins", actor="test")
        for field, value in changes.items():
            setattr(run, field, value)
        run.save()
        return run

    return make


WAYS: dict[State, list[State]] = {
    State.QUEUED: [],
    State.STARTING: [State.STARTING],
    State.RUNNING: [State.STARTING, State.RUNNING],
    State.STOPPING: [State.STARTING, State.RUNNING, State.STOPPING],
    State.LOST: [State.STARTING, State.RUNNING, State.LOST],
    State.FINISHED: [State.STARTING, State.RUNNING, State.FINISHED],
    State.FAILED: [State.STARTING, State.RUNNING, State.FAILED],
    State.STOPPED: [State.STARTING, State.RUNNING, State.STOPPING, State.STOPPED],
}


@pytest.fixture
def make_checkpoint(runs_dir: Path) -> Callable[..., Checkpoint]:
    """A checkpoint of `run` after `step`, with its directory on disk."""

    def make(run: Run, step: int = 50, attempt: Attempt | None = None) -> Checkpoint:
        path = f"checkpoints/step-{step:06d}"
        (runs_dir / run.directory_name / path).mkdir(parents=True)
        return Checkpoint.objects.create(
            run=run, attempt=attempt, step=step, path=path, bytes=1000, reason="schedule"
        )

    return make
