"""A run is deleted by its name, and comes back with all it had as long as its data is there."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from r1web.accounts.models import User
from r1web.errors import ConflictError, InvalidError
from r1web.runs.models import Checkpoint, Run, State
from r1web.runs.services import delete_run, purge_run, restore_run, transition
from tests.r1web.api.test_problems import body_of, fields
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
DAY = timedelta(days=1)


def test_only_an_ended_run_can_be_deleted(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.RUNNING)
    with pytest.raises(ConflictError, match="stop it first"):
        delete_run(run=run, name="sums", actor=owner)
    transition(run=run, to=State.FINISHED, reason="", actor="test")
    delete_run(run=run, name="sums", actor=owner)
    assert Run.objects.get().deleted_at is not None


@pytest.mark.parametrize("given", ["", "Sums", "sum", "sums2"])
def test_deleting_asks_for_the_very_name(make_run: MakeRun, owner: User, given: str) -> None:
    with pytest.raises(InvalidError, match="is named “sums”") as raised:
        delete_run(run=make_run(State.FINISHED), name=given, actor=owner)
    assert raised.value.errors[0].path == "name"
    assert Run.objects.get().deleted_at is None


def test_a_program_deletes_finds_and_restores(
    api: Api, viewer: User, stranger: User, make_run: MakeRun
) -> None:
    run = make_run(State.FINISHED, name="sums & more", last_step=7)
    path = f"/runs/{run.pk}"
    assert fields(api.delete(path)) == ["name"]
    body_of(caller(viewer).delete(f"{path}?name=sums+%26+more"), 403)
    assert api.delete(f"{path}?name=sums+%26+more").status_code == 204
    body_of(api.get(path), 404)
    (found,) = api.get("/deleted-runs").json()["items"]  # type: ignore[attr-defined]
    assert (found["id"], found["name"], found["deleted_by"]) == (run.pk, "sums & more", "olga")
    assert (found["state"], found["step"], found["project"]) == ("finished", 7, "sums")
    for user, project, seen in ((viewer, "sums", 1), (viewer, "x", 0), (stranger, "", 0)):
        listed = caller(user).get("/deleted-runs", project=project)
        assert len(listed.json()["items"]) == seen  # type: ignore[attr-defined]
    body_of(caller(viewer).post(f"{path}/restore"), 403)
    body_of(caller(stranger).post(f"{path}/restore"), 404)
    restored = api.post(f"{path}/restore").json()  # type: ignore[attr-defined]
    assert (restored["id"], restored["step"]) == (run.pk, 7)
    body_of(api.post(f"{path}/restore"), 404)  # it is not deleted any more
    assert api.get("/deleted-runs").json()["items"] == []  # type: ignore[attr-defined]


def test_what_lost_its_data_says_so_and_stays_gone(
    api: Api, make_run: MakeRun, owner: User
) -> None:
    run = make_run(State.FINISHED)
    delete_run(run=run, name="sums", actor=owner)
    run.refresh_from_db()
    assert purge_run(run=run)
    problem = body_of(api.post(f"/runs/{run.pk}/restore"), 409)
    assert problem["code"] == "purged"
    assert "metrics, rollouts and files were removed" in problem["detail"]
    assert api.get("/deleted-runs").json()["items"] == []  # type: ignore[attr-defined]


def test_a_run_that_was_restored_meanwhile_is_not_purged(make_run: MakeRun, owner: User) -> None:
    run = make_run(State.FINISHED)
    delete_run(run=run, name="sums", actor=owner)
    seen = Run.objects.get()
    restore_run(run=run)
    assert not purge_run(run=seen)
    delete_run(run=run, name="sums", actor=owner)  # anew, so its days begin anew
    assert not purge_run(run=seen)


def test_it_says_until_when_it_can_be_restored(
    api: Api,
    make_run: MakeRun,
    make_checkpoint: Callable[..., Checkpoint],
    owner: User,
) -> None:
    alone, parent = make_run(State.FINISHED), make_run(State.FINISHED)
    make_run(State.FINISHED, start_checkpoint=make_checkpoint(parent))
    for run in (alone, parent):
        delete_run(run=run, name="sums", actor=owner)
    of_parent, of_alone = api.get("/deleted-runs").json()["items"]  # type: ignore[attr-defined]
    assert of_parent["kept_until"] is None
    assert of_alone["kept_until"] > (timezone.now() + 6 * DAY).isoformat()
