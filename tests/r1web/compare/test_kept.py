"""Saved views and notes by REST: for whom they exist, who may change them; that none is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.compare.models import Note, NoteVersion, SavedView
from r1web.operations import retention
from tests.r1web.api.test_problems import body_of, fields
from tests.r1web.conftest import Api, caller

VIEW = {"name": "KL sweep", "query": "runs=12,15-20&group=grpo.kl_coef"}
NOTE = {"title": "What the sweep says", "body": "# Findings\n\n0.001 is best."}


@pytest.fixture
def view(api: Api, project: Project) -> dict[str, Any]:
    made = api.post("/projects/sums/views", VIEW)
    assert made.status_code == 201
    return dict(made.json())


@pytest.fixture
def note(api: Api, project: Project) -> dict[str, Any]:
    made = api.post("/projects/sums/notes", NOTE)
    assert made.status_code == 201
    return dict(made.json())


def items(api: Api, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(path).json()["items"]
    return found


def test_a_view_is_saved_listed_renamed_deleted_and_brought_back(
    api: Api, view: dict[str, Any]
) -> None:
    path = f"/views/{view['id']}"
    assert (view["created_by"], view["query"]) == ("olga", VIEW["query"])
    assert items(api, "/projects/sums/views") == [view]
    renamed = api.patch(path, {"name": "The sweep"}).json()
    assert (renamed["name"], renamed["query"]) == ("The sweep", VIEW["query"])
    assert api.patch(path, {"query": "runs=1"}).json()["query"] == "runs=1"
    assert api.delete(path).status_code == 204
    assert items(api, "/projects/sums/views") == []
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404
    back = api.post(f"{path}/restore").json()
    assert items(api, "/projects/sums/views") == [back]
    assert (back["id"], back["created_by"]) == (view["id"], "olga")
    assert api.post(f"{path}/restore").status_code == 404


def test_views_stand_by_name(api: Api, project: Project) -> None:
    for name in ("b", "c", "a"):
        api.post("/projects/sums/views", {**VIEW, "name": name})
    assert [one["name"] for one in items(api, "/projects/sums/views")] == ["a", "b", "c"]
    first = api.get("/projects/sums/views", limit=2).json()
    assert (
        items(api, f"/projects/sums/views?cursor={first['next_cursor']}&limit=2")[0]["name"] == "c"
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**VIEW, "name": " "}, "name"),
        ({**VIEW, "name": "x" * 121}, "name"),
        ({**VIEW, "query": "a b"}, "query"),
        ({**VIEW, "query": "a\0"}, "query"),
        ({**VIEW, "query": "x" * 20_001}, "query"),
        ({**VIEW, "colour": "red"}, "colour"),
    ],
)
def test_a_view_that_is_none_is_refused_at_its_field(
    api: Api, project: Project, body: dict[str, Any], path: str
) -> None:
    assert fields(api.post("/projects/sums/views", body)) == [path]
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**NOTE, "title": ""}, "title"),
        ({**NOTE, "title": "two\nlines"}, "title"),
        ({**NOTE, "body": "a\0b"}, "body"),
        ({**NOTE, "body": "x" * 200_001}, "body"),
    ],
)
def test_a_note_that_is_none_is_refused_at_its_field(
    api: Api, project: Project, body: dict[str, Any], path: str
) -> None:
    assert fields(api.post("/projects/sums/notes", body)) == [path]
    assert not Note.objects.exists()


def test_whoever_saves_second_is_told_and_nothing_is_lost(
    api: Api, member: User, note: dict[str, Any]
) -> None:
    path, milo = f"/notes/{note['id']}", caller(member)
    assert (note["version"], note["updated_by"], note["may_change"]) == (1, "olga", True)
    theirs = milo.send("PUT", path, {**NOTE, "body": "Milo's", "version": 1}).json()
    assert (theirs["version"], theirs["updated_by"]) == (2, "milo")
    mine = {**NOTE, "body": "Olga's", "version": 1}
    refused = body_of(api.send("PUT", path, mine), 409)
    assert (refused["code"], "milo saved version 2" in refused["detail"]) == ("note_changed", True)
    assert api.get(path).json()["body"] == "Milo's"
    saved = api.send("PUT", path, {**mine, "version": 2}).json()
    assert (saved["version"], saved["body"], saved["created_by"]) == (3, "Olga's", "olga")
    history = items(api, f"{path}/versions")
    assert [(one["version"], one["saved_by"]) for one in history] == [
        (3, "olga"),
        (2, "milo"),
        (1, "olga"),
    ]
    assert api.get(f"{path}/versions/2").json()["body"] == "Milo's"
    assert api.get(f"{path}/versions/4").status_code == 404


def test_saving_what_is_there_already_makes_no_version(api: Api, note: dict[str, Any]) -> None:
    same = api.send("PUT", f"/notes/{note['id']}", {**NOTE, "version": 1}).json()
    assert (same["version"], NoteVersion.objects.count()) == (1, 1)
    stale = {**NOTE, "version": 9}
    assert api.send("PUT", f"/notes/{note['id']}", stale).status_code == 409


def test_a_deleted_note_comes_back_with_its_versions(api: Api, note: dict[str, Any]) -> None:
    path = f"/notes/{note['id']}"
    api.send("PUT", path, {**NOTE, "body": "more", "version": 1})
    assert api.delete(path).status_code == 204
    assert items(api, "/projects/sums/notes") == []
    assert (api.get(path).status_code, api.get(f"{path}/versions").status_code) == (404, 404)
    assert api.send("PUT", path, {**NOTE, "version": 2}).status_code == 404
    assert api.post(f"{path}/restore").json()["body"] == "more"
    assert len(items(api, f"{path}/versions")) == 2


def test_the_note_changed_last_stands_first_without_its_text(api: Api, project: Project) -> None:
    first, second = (api.post("/projects/sums/notes", NOTE).json()["id"] for _ in range(2))
    api.send("PUT", f"/notes/{first}", {**NOTE, "body": "new", "version": 1})
    found = items(api, "/projects/sums/notes")
    assert [one["id"] for one in found] == [first, second]
    assert "body" not in found[0]


def test_viewers_look_and_strangers_find_nothing(
    viewer: User, stranger: User, view: dict[str, Any], note: dict[str, Any]
) -> None:
    vera, stan = caller(viewer), caller(stranger)
    for path, listed, body in (
        (f"/views/{view['id']}", "/projects/sums/views", VIEW),
        (f"/notes/{note['id']}", "/projects/sums/notes", NOTE),
    ):
        assert vera.get(path).status_code == 200
        assert len(items(vera, listed)) == 1
        assert vera.post(listed, body).status_code == 403
        assert vera.delete(path).status_code == 403
        assert vera.post(f"{path}/restore").status_code == 404
        assert stan.get(path).status_code == 404
        assert stan.get(listed).status_code == 404
        assert stan.post(listed, body).status_code == 404
        assert stan.delete(path).status_code == 404
    assert vera.patch(f"/views/{view['id']}", {"name": "x"}).status_code == 403
    edit = {**NOTE, "version": 1}
    assert vera.send("PUT", f"/notes/{note['id']}", edit).status_code == 403
    assert stan.send("PUT", f"/notes/{note['id']}", edit).status_code == 404
    assert stan.get(f"/notes/{note['id']}/versions").status_code == 404
    assert stan.get(f"/notes/{note['id']}/versions/1").status_code == 404
    assert vera.get(f"/notes/{note['id']}").json()["may_change"] is False


@pytest.mark.parametrize(("days", "left"), [(6, 1), (8, 0)])
def test_what_was_deleted_long_ago_is_forgotten(
    api: Api,
    view: dict[str, Any],
    note: dict[str, Any],
    *,
    days: int,
    left: int,
) -> None:
    kept = api.post("/projects/sums/notes", NOTE).json()["id"]
    for model in (SavedView, Note):
        model.objects.exclude(pk=kept if model is Note else 0).update(
            deleted_at=timezone.now() - timedelta(days=days)
        )
    list(retention.prune())
    counts = SavedView.objects.count(), Note.objects.exclude(pk=kept).count()
    assert counts == (left, left)
    assert NoteVersion.objects.filter(note=kept).count() == 1


def test_the_admin_shows_them_and_brings_them_back(
    admin_client: Any, api: Api, view: dict[str, Any], note: dict[str, Any]
) -> None:
    api.delete(f"/views/{view['id']}")
    api.delete(f"/notes/{note['id']}")
    for model, row in (("savedview", view), ("note", note)):
        listed = f"/admin/compare/{model}/"
        assert admin_client.get(listed).status_code == 200
        assert admin_client.get(f"{listed}{row['id']}/change/").status_code == 200
        admin_client.post(listed, {"action": "restore", "_selected_action": [row["id"]]})
    assert items(api, "/projects/sums/views")
    assert items(api, "/projects/sums/notes")
