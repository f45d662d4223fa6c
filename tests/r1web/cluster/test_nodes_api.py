"""GET /nodes and PATCH /nodes/{id}: what is there, and who may cordon it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from r1web.accounts.models import User
from r1web.cluster import services
from r1web.cluster.models import Node
from r1web.runs.models import Run
from tests.r1web.conftest import Api, caller

MakeRun = Callable[..., Run]
MakeNode = Callable[..., Node]


def test_a_node_shows_what_runs_on_it(make_run: MakeRun, make_node: MakeNode, api: Api) -> None:
    load = {
        "cpu_percent": 12.5,
        "memory_percent": 40.0,
        "memory_used_bytes": 8,
        "gpus": [
            {
                "index": 0,
                "utilization_percent": 90.0,
                "memory_used_bytes": 5,
                "memory_bytes": 10,
                "temperature_c": 61.0,
            }
        ],
    }
    make_node(slots=2, load=load, price_per_device_hour="1.50")
    run = make_run()
    services.schedule()
    (node,) = api.get("/nodes").json()["items"]
    assert (node["name"], node["state"], node["price_per_device_hour"]) == ("laptop", "ready", 1.5)
    assert node["load"] == load
    taken, free = node["devices"]
    assert (taken["lease"]["run"], taken["lease"]["name"]) == (run.pk, run.name)
    assert (taken["kind"], taken["index"], free["lease"]) == ("cpu", 0, None)


def test_a_stranger_sees_that_a_device_is_taken_but_not_by_what(
    make_run: MakeRun, make_node: MakeNode, stranger: User
) -> None:
    make_node()
    make_run()
    services.schedule()
    (device,) = caller(stranger).get("/nodes").json()["items"][0]["devices"]
    assert device["lease"] | {"since": ""} == {
        "run": None,
        "name": None,
        "attempt": None,
        "since": "",
    }


def test_a_silent_node_is_unreachable(make_node: MakeNode, api: Api) -> None:
    make_node(heartbeat_at=timezone.now() - timedelta(seconds=21))
    assert api.get("/nodes").json()["items"][0]["state"] == "unreachable"


def test_only_staff_cordon(make_node: MakeNode, api: Api, owner: User) -> None:
    node = make_node()
    assert api.patch(f"/nodes/{node.pk}", {"cordoned": True}).status_code == 403
    owner.is_staff = True
    owner.save()
    answer = api.patch(f"/nodes/{node.pk}", {"cordoned": True})
    assert (answer.status_code, answer.json()["state"]) == (200, "cordoned")
    assert api.patch("/nodes/999", {"cordoned": True}).status_code == 404
    wrong = api.patch(f"/nodes/{node.pk}", {"cordoned": True, "name": "x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "name")


def test_staff_drain_and_label_a_node(
    make_run: MakeRun, make_node: MakeNode, api: Api, owner: User
) -> None:
    node = make_node()
    run = make_run()
    services.schedule()
    assert api.post(f"/nodes/{node.pk}/drain").status_code == 403
    owner.is_staff = True
    owner.save()
    assert api.post(f"/nodes/{node.pk}/drain").json()["state"] == "draining"
    assert Run.objects.get(pk=run.pk).state == "starting"
    assert api.post(f"/nodes/{node.pk}/drain", {"requeue": True}).status_code == 200
    assert Run.objects.get(pk=run.pk).state == "stopping"
    labelled = api.patch(f"/nodes/{node.pk}", {"labels": ["rack-3", "nvlink", "rack-3"]})
    assert labelled.json()["labels"] == ["nvlink", "rack-3"]
    assert labelled.json()["cordoned"]
    wrong = api.patch(f"/nodes/{node.pk}", {"labels": ["two words"]})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "labels")
    assert api.post("/nodes/999/drain").status_code == 404


def test_nodes_are_for_those_who_sign_in(db: None) -> None:
    assert Client().get("/api/v1/nodes").status_code == 401


@pytest.mark.parametrize("count", [1, 5])
def test_the_list_takes_the_same_queries_for_any_number_of_nodes(
    make_node: MakeNode, api: Api, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        make_node(f"n{number}", slots=3)
    with django_assert_num_queries(6):  # token, its use, the user's runs, nodes, devices, leases
        api.get("/nodes")
