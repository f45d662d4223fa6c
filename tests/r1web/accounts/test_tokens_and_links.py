"""Secrets: kept as digests, shown once, used once."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from r1web.accounts.models import ApiToken, SignInLink, User
from r1web.accounts.services import (
    authenticate_token,
    claim_signin_link,
    create_signin_link,
    create_token,
    ensure_local_operator,
)
from r1web.errors import NotFoundError


def test_only_the_digest_of_a_token_is_kept(owner: User) -> None:
    made = create_token(user=owner, name="laptop")
    stored = ApiToken.objects.values().get()
    assert made.secret not in str(stored)
    assert made.secret.startswith(stored["prefix"])
    assert authenticate_token(secret=made.secret) == owner


def test_use_is_noted_once_a_minute(owner: User) -> None:
    made = create_token(user=owner, name="laptop")
    authenticate_token(secret=made.secret)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    authenticate_token(secret=made.secret)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    authenticate_token(secret=made.secret)
    assert ApiToken.objects.get().last_used_at >= first


def test_a_link_signs_in_once(owner: User) -> None:
    path = create_signin_link(owner)
    assert path.rsplit("/", 1)[1] not in str(SignInLink.objects.values().get())
    browser = Client()
    answer = browser.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/api/v1/me").json()["username"] == "olga"

    other = Client()
    spent = other.get(path)
    assert spent.status_code == 410
    assert "make run" in spent.content.decode()
    assert Session.objects.count() == 1
    assert browser.get(path)["Location"] == "/"


def test_a_preview_of_a_link_does_not_spend_it(owner: User) -> None:
    path = create_signin_link(owner)
    assert Client().head(path).status_code == 200
    assert Client().get(path).status_code == 302


def test_a_link_ends_after_15_minutes(owner: User) -> None:
    secret = create_signin_link(owner).rsplit("/", 1)[1]
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotFoundError, match="older than 15 minutes"):
        claim_signin_link(secret=secret)


def test_the_operator_gets_a_token_file_that_only_he_can_read(db: None, tmp_path: Path) -> None:
    path = tmp_path / "token"
    operator = ensure_local_operator(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert authenticate_token(secret=path.read_text().strip()) == operator
    assert operator.is_superuser
    assert [m.project.slug for m in operator.memberships.select_related("project")] == ["default"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_good_token_file_is_kept_and_a_bad_one_replaced(db: None, tmp_path: Path) -> None:
    path = tmp_path / "token"
    operator = ensure_local_operator(path)
    kept = path.read_text()
    assert ensure_local_operator(path) == operator
    assert path.read_text() == kept
    ApiToken.objects.update(revoked_at=timezone.now())
    ensure_local_operator(path)
    assert path.read_text() != kept
    assert authenticate_token(secret=path.read_text().strip()) == operator


def test_a_password_signs_in_and_leads_where_one_was_going(owner: User) -> None:
    browser = Client()
    assert browser.get("/runs/12")["Location"] == "/signin?next=/runs/12"
    form = {"username": "olga", "password": "correct horse", "next": "/runs/12"}
    assert browser.post("/signin", form)["Location"] == "/runs/12"
    assert browser.post("/signout").status_code == 302
    assert browser.get("/")["Location"].startswith("/signin")


def test_a_wrong_password_says_so_and_another_site_is_not_a_way_back(owner: User) -> None:
    browser = Client()
    wrong = browser.post("/signin", {"username": "olga", "password": "wrong"})
    assert "correct" in wrong.content.decode()
    form = {"username": "olga", "password": "correct horse", "next": "https://evil.example/"}
    assert browser.post("/signin", form)["Location"] == "/"
