"""Who may have a checkpoint released and pushed, and what they are told."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from celery import Celery
from django.utils import timezone

from r1web.accounts.models import Membership, User
from r1web.cluster.models import Node
from r1web.releases import services
from r1web.releases.models import Release
from r1web.runs.models import Attempt, Checkpoint
from tests.r1web.conftest import Api, caller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


def waiting(broker: Celery, queue: str) -> int:
    """How many messages about releases wait there."""
    prefix = broker.conf.broker_transport_options["global_keyprefix"]
    with broker.connection_for_read() as connection:
        found = connection.default_channel.client.lrange(f"{prefix}{queue}", 0, -1)
    tasks = [json.loads(message)["headers"]["task"] for message in found]
    return tasks.count("releases.export")


def test_it_is_asked_of_the_node_that_wrote_the_checkpoint(
    api: Api, checkpoint: Checkpoint, make_node: Callable[..., Node], broker: Celery
) -> None:
    node = make_node("far")
    checkpoint.attempt = Attempt.objects.create(run=checkpoint.run, number=1, node=node)
    checkpoint.save()

    answer = api.post(f"/checkpoints/{checkpoint.pk}/releases", {"dtype": "fp8"})

    assert answer.status_code == 202
    seen = answer.json()
    assert (seen["state"], seen["dtype"], seen["step"], seen["bytes"]) == ("queued", "fp8", 50, 0)
    assert seen["path"] == f"runs/{checkpoint.run.directory_name}/releases/step-000050-fp8"
    assert waiting(broker, "node.far") == 1
    assert api.get(f"/releases/{seen['id']}").json() == seen
    listed = api.get(f"/runs/{checkpoint.run_id}/releases").json()
    assert (listed["items"], listed["may_push"]) == ([seen], True)


def test_a_node_that_is_away_leaves_it_to_any_worker(
    api: Api, checkpoint: Checkpoint, make_node: Callable[..., Node], broker: Celery
) -> None:
    node = make_node("far", heartbeat_at=timezone.now() - timedelta(hours=1))
    checkpoint.attempt = Attempt.objects.create(run=checkpoint.run, number=1, node=node)
    checkpoint.save()
    api.post(f"/checkpoints/{checkpoint.pk}/releases", {})
    assert (waiting(broker, "node.far"), waiting(broker, "control")) == (0, 1)


def test_twice_is_once_and_each_dtype_is_one_of_its_own(api: Api, checkpoint: Checkpoint) -> None:
    path = f"/checkpoints/{checkpoint.pk}/releases"
    first = api.post(path, {}).json()
    again = api.post(path, {})
    assert (again.status_code, again.json()["code"]) == (409, "release_under_way")
    assert api.post(path, {"dtype": "fp8"}).json()["id"] != first["id"]

    Release.objects.filter(pk=first["id"]).update(state="ready", asked_by=None)
    settled = api.post(path, {}).json()
    assert (settled["id"], settled["state"], settled["asked_by"]) == (first["id"], "ready", None)
    Release.objects.filter(pk=first["id"]).update(state="failed", reason="It broke.")
    tried = api.post(path, {}).json()
    assert (tried["id"], tried["state"], tried["asked_by"]) == (first["id"], "queued", "olga")


def test_who_may_change_the_run_may_release_it_and_its_owners_may_push(
    checkpoint: Checkpoint, member: User, viewer: User, stranger: User, owner: User
) -> None:
    path = f"/checkpoints/{checkpoint.pk}/releases"
    push = {"push": "team/adder"}
    assert caller(stranger).post(path, {}).status_code == 404
    assert caller(viewer).post(path, {}).status_code == 403
    refused = caller(member).post(path, push)
    assert (refused.status_code, "owners" in refused.json()["detail"]) == (403, True)
    assert not Release.objects.exists()
    staff = member
    staff.is_staff = True
    staff.save()
    assert caller(staff).post(path, push).json()["push_to"] == "team/adder"

    release = Release.objects.get()
    for user, status in ((viewer, 200), (stranger, 404)):
        for where in ("", "/files"):
            assert caller(user).get(f"/releases/{release.pk}{where}").status_code == status
    assert caller(viewer).get(f"/runs/{checkpoint.run_id}/releases").json()["may_release"] is False
    assert Membership.objects.get(user=owner).role == "owner"


@pytest.mark.parametrize("repo", ["adder", "a/b/c", "../adder", "a b/c", ""])
def test_a_wrong_repository_is_named(repo: str, api: Api, checkpoint: Checkpoint) -> None:
    refused = api.post(f"/checkpoints/{checkpoint.pk}/releases", {"push": repo})
    assert refused.status_code == 422
    assert [error["path"] for error in refused.json()["errors"]] == ["push"]
    assert not Release.objects.exists()


def test_a_checkpoint_that_is_gone_cannot_be_released(api: Api, checkpoint: Checkpoint) -> None:
    checkpoint.deleted_at = timezone.now()
    checkpoint.save()
    refused = api.post(f"/checkpoints/{checkpoint.pk}/releases", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "checkpoint_deleted")


def test_what_nobody_began_is_asked_for_again_and_what_fell_silent_is_given_up(
    api: Api, checkpoint: Checkpoint, broker: Celery
) -> None:
    api.post(f"/checkpoints/{checkpoint.pk}/releases", {})
    long_ago = timezone.now() - timedelta(minutes=5)
    services.look_after()
    assert waiting(broker, "control") == 1
    Release.objects.update(asked_at=long_ago)
    services.look_after()
    assert waiting(broker, "control") == 2

    Release.objects.update(state="exporting", node="laptop", heartbeat_at=timezone.now())
    services.look_after()
    assert Release.objects.get().state == "exporting"
    Release.objects.update(heartbeat_at=long_ago)
    services.look_after()
    given_up = Release.objects.get()
    assert (given_up.state, "laptop" in given_up.reason) == ("failed", True)
