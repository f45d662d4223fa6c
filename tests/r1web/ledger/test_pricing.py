"""What bookings cost: by the price book and its history, exactly; energy measured or estimated."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from r1web.accounts.models import User
from r1web.cluster.hardware import gpu_load
from r1web.cluster.models import Device
from r1web.cluster.supervisor.sample import Sampler
from r1web.ledger.energy import Energy, shared_out
from r1web.ledger.hardware import card
from r1web.ledger.models import Booking, Price
from r1web.runs.models import Run
from tests.r1web.conftest import Api, caller
from tests.r1web.ledger.conftest import Clock, Story

MakeStory = Callable[..., Story]
PRICE = {"device_model": "NVIDIA H800", "per_hour": "3.50", "valid_from": "2026-01-01"}


@pytest.fixture
def staff(owner: User) -> Api:
    owner.is_staff = True
    owner.save()
    return caller(owner)


def totals(answer: HttpResponse) -> dict[str, tuple[int, int]]:
    """Device time and money by currency."""
    assert answer.status_code == 200, answer.content
    return {x["currency"]: (x["device_ms"], x["micros"]) for x in answer.json()["totals"]}


def test_without_a_price_in_the_book_the_node_s_counts(
    make_story: MakeStory, clock: Clock, api: Api
) -> None:
    story = make_story()
    story.begin()
    story.phase("training", 3600)
    story.tell("metrics", 1, values={})
    story.end()
    answer = api.get(f"/runs/{story.run.pk}/ledger")
    assert totals(answer) == {"USD": (7_200_000, 4_000_000)}
    assert answer.json()["booked_until"] is None
    (entry,) = answer.json()["entries"]
    assert (entry["stage"], entry["phase"], entry["device_model"]) == (
        "grpo", "training", "NVIDIA H800",
    )  # fmt: skip


def test_each_day_costs_what_held_on_it(make_story: MakeStory, staff: Api) -> None:
    story = make_story()
    story.begin()
    story.phase("training", 3 * 3600)  # two hours before midnight, and one after
    story.tell("metrics", 1, values={})
    story.end()
    path = f"/runs/{story.run.pk}/ledger"
    for changed, money in [
        ({}, 6 * 3.5),
        ({"valid_from": "2026-03-02", "per_hour": "5"}, 4 * 3.5 + 2 * 5),
        ({"valid_from": "2026-03-02", "per_hour": "0.000001"}, 4 * 3.5 + 2e-6),
        ({"device_model": "NVIDIA A100", "per_hour": "9"}, 4 * 3.5 + 2e-6),
    ]:
        assert staff.post("/ledger/prices", PRICE | changed).status_code == 201
        assert totals(staff.get(path)) == {"USD": (21_600_000, round(money * 1_000_000))}
    staff.post("/ledger/prices", PRICE | {"valid_from": "2026-03-02", "currency": "EUR"})
    assert totals(staff.get(path)) == {
        "EUR": (7_200_000, 7_000_000), "USD": (14_400_000, 14_000_000),
    }  # fmt: skip


def test_the_price_book_keeps_who_added_what(staff: Api, owner: User, member: User) -> None:
    for per_hour in ("2", "3.25"):
        staff.post("/ledger/prices", PRICE | {"per_hour": per_hour, "tenure": "owned"})
    items = staff.get("/ledger/prices", device_model="NVIDIA H800").json()["items"]
    assert [(x["per_hour"], x["added_by"], x["tenure"]) for x in items] == [
        ("3.250000", owner.username, "owned"), ("2.000000", owner.username, "owned"),
    ]  # fmt: skip
    assert caller(member).get("/ledger/prices").status_code == 403
    assert caller(member).post("/ledger/prices", PRICE).status_code == 403
    assert Price.objects.count() == 2


@pytest.mark.parametrize(
    "wrong", [{"per_hour": "-1"}, {"currency": "$"}, {"valid_from": "soon"}, {"device_model": ""}]
)
def test_a_price_that_makes_no_sense_is_refused(staff: Api, wrong: dict[str, str]) -> None:
    assert staff.post("/ledger/prices", PRICE | wrong).status_code == 422


def test_the_admin_panel_adds_prices_and_changes_none(staff: Api, owner: User) -> None:
    owner.is_superuser = True
    owner.save()
    panel = Client()
    panel.force_login(owner)
    form = PRICE | {"currency": "USD", "tenure": "rented", "note": "contract 7"}
    assert panel.post("/admin/ledger/price/add/", form).status_code == 302
    price = Price.objects.get()
    assert (price.added_by, price.note) == (owner, "contract 7")
    panel.post(f"/admin/ledger/price/{price.pk}/change/", form | {"per_hour": "9"})
    panel.post(f"/admin/ledger/price/{price.pk}/delete/", {"post": "yes"})
    assert Price.objects.get().per_hour == price.per_hour
    assert panel.get("/admin/ledger/booking/").status_code == 200


def test_a_project_sums_its_runs_also_deleted_ones(
    make_story: MakeStory, clock: Clock, api: Api, stranger: User
) -> None:
    stories = [make_story("one"), make_story("two", gpus=3)]
    for story in stories:
        story.begin()
        story.step(1)
        story.phase("sampling", 7, 2)
        story.tell("finished", 1, outcome="failed", reason="So it goes.")
        story.end()
    Run.objects.filter(pk=stories[0].run.pk).update(deleted_at=clock.now)
    answer = api.get("/projects/sums/ledger")
    of_run = api.get(f"/runs/{stories[1].run.pk}/ledger")
    found = {x["run"]: x for x in answer.json()["runs"]}
    assert found[stories[0].run.pk]["name"] is None
    assert found[stories[1].run.pk]["micros"] == totals(of_run)["USD"][1]
    summed = [sum(x[name] for x in found.values()) for name in ("device_ms", "micros")]
    assert totals(answer) == {"USD": tuple(summed)}
    assert {x["phase"]: x["device_ms"] for x in answer.json()["entries"]} == {
        "sampling": 40_000, "reward": 10_000, "training": 50_000, "waste": 35_000,
    }  # fmt: skip
    assert totals(api.get("/projects/sums/ledger", since="2026-03-02")) == {}
    assert totals(api.get("/projects/sums/ledger", until="2026-03-01")) == totals(answer)
    assert caller(stranger).get("/projects/sums/ledger").status_code == 404
    assert caller(stranger).get(f"/runs/{stories[1].run.pk}/ledger").status_code == 404


def test_energy_goes_to_what_was_done_meanwhile(
    make_story: MakeStory, clock: Clock, api: Api
) -> None:
    story = make_story()
    story.begin()
    clock.go(10)  # before the first measurement: known by the power that an H800 is built for
    story.sample(Energy(0, 0))
    story.phase("sampling", 3)
    story.phase("training", 1)
    story.sample(Energy(4_000_000, 8_000))
    by_phase = {
        entry["phase"]: (entry["energy_mj"], entry["energy_estimated"])
        for entry in api.get(f"/runs/{story.run.pk}/ledger").json()["entries"]
    }
    assert by_phase == {
        "idle": (20_000 * 700, True),
        "sampling": (3_000_000, False),
        "training": (1_000_000, False),
    }


def test_lost_work_takes_its_energy_along(make_story: MakeStory, clock: Clock) -> None:
    story = make_story()
    story.begin()
    story.sample(Energy(0, 0))
    story.phase("training", 10)
    story.sample(Energy(9_000_001, 20_000))
    story.end()
    (waste,) = Booking.objects.exclude(device_ms=0)
    assert (waste.phase, waste.device_ms) == ("waste", 20_000)
    assert (waste.measured_ms, waste.measured_mj) == (20_000, 9_000_001)


def test_a_sampler_counts_the_energy_of_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("r1web.cluster.supervisor.sample.time.monotonic", lambda: now[0])
    sampler = Sampler(frozenset({0, 2}))

    def energy(*mj: int | None) -> Energy | None:
        loads = [
            {"index": i, "utilization_percent": 0, "memory_used_bytes": 0, "energy_mj": x}
            for i, x in enumerate(mj)
        ]
        sampler.sample([], loads)
        now[0] += 2.5
        return sampler.energy

    assert energy(5, 5, 5) == (0, 0)
    assert energy(8, 99, 6) == (4, 5000)
    assert energy(8, 99, None) is None  # then it is estimated
    assert energy(100, 99, 100) == (0, 0)
    assert energy(0, 0, 0) == (0, 5000)  # the driver was loaded anew
    assert gpu_load() == []  # as on every machine without one


@pytest.mark.parametrize("total", [0, 1, 7, 10**15])
def test_energy_is_shared_out_without_loss(total: int) -> None:
    among: dict[str, int] = {"a": 3, "b": 0, "c": 10**9, "d": 1}
    parts = shared_out(total, among)
    assert sum(parts.values()) == total
    assert all(part >= 0 for part in parts.values())
    assert not any(shared_out(total, {"a": 0}).values())


def test_cards_are_known_by_the_driver_s_names() -> None:
    names: dict[str, Any] = {
        "NVIDIA H100 80GB HBM3": 700, "NVIDIA H100 PCIe": 350, "NVIDIA A100-SXM4-80GB": 400,
        "NVIDIA L4": 72, "NVIDIA L40S": 350, "NVIDIA H200": 700,
    }  # fmt: skip
    assert {name: found.watts for name in names if (found := card(name))} == names
    assert card("Apple M3") is None


@pytest.mark.parametrize("book", [None, "3.5"])
def test_lists_say_what_the_ledger_says(
    make_story: MakeStory, clock: Clock, staff: Api, book: str | None
) -> None:
    story = make_story()
    if book:
        for more in ({}, {"per_hour": "8", "valid_from": "2027-01-01"}):
            staff.post("/ledger/prices", PRICE | {"per_hour": book, **more})
    story.begin()
    story.phase("training", 3600)
    story.tell("metrics", 1, values={})
    story.end()
    (row,) = staff.get("/runs").json()["items"]
    (total,) = staff.get(f"/runs/{story.run.pk}/ledger").json()["totals"]
    assert row["cost_usd"] == pytest.approx(total["micros"] / 1e6)
    assert row["device_hours"] == pytest.approx(total["device_hours"])
    assert row["cost_usd"] == pytest.approx(2 * float(book or 2))


def test_a_price_of_the_past_sorts_lists_anew(
    make_story: MakeStory, staff: Api, clock: Clock
) -> None:
    stories = [make_story("cheap"), make_story("dear")]
    for story, gpus in zip(stories, ("NVIDIA H800", "NVIDIA A100"), strict=True):
        Device.objects.filter(node__name=f"{story.run.name}-0").update(model=gpus)
        story.begin()
        story.phase("training", 3600)
        story.tell("metrics", 1, values={})
        story.end()
    staff.post("/ledger/prices", PRICE | {"device_model": "NVIDIA A100", "per_hour": "1"})

    def order() -> list[str]:
        items = staff.get("/runs", sort="-cost_usd").json()["items"]
        return [item["name"] for item in items]

    assert order() == ["cheap", "dear"]
    staff.post("/ledger/prices", PRICE | {"device_model": "NVIDIA A100", "per_hour": "9"})
    assert order() == ["dear", "cheap"]
