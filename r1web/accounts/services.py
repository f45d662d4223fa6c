"""Tokens, one-time sign-in links, quotas, and the local operator of a laptop."""

import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from r1web.accounts.models import ApiToken, Membership, Project, SignInLink, User
from r1web.accounts.selectors import active_users, digest, live_sessions, live_tokens, token_of
from r1web.errors import NotFoundError, UnauthenticatedError

LINK_LIFETIME = timedelta(minutes=15)
USE_RECORDED_EVERY = timedelta(minutes=1)
TOKEN_PREFIX = "r1w_"  # noqa: S105 - what every token starts with, so that scanners know one
OPERATOR = "operator"


@dataclass(frozen=True)
class Credentials:
    """How somebody who stays connected has shown who they are: by a token, else by a session."""

    token: str | None
    session: str | None = None
    user_id: int | None = None
    """Whose session it is."""


@dataclass(frozen=True)
class NewToken:
    token: ApiToken
    secret: str
    """Shown once: only its digest is kept."""


def set_quota(*, slug: str, device_quota: int | None) -> Project:
    """How many devices the project's runs may hold at once. Raises NotFoundError."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise NotFoundError(f"There is no project “{slug[:60]}”.")
    project.device_quota = device_quota
    project.save(update_fields=["device_quota"])
    return project


def create_token(*, user: User, name: str, expires_at: datetime | None = None) -> NewToken:
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=secret[: len(TOKEN_PREFIX) + 6],
        digest=digest(secret),
        expires_at=expires_at,
    )
    return NewToken(token, secret)


def revoke_token(*, token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def authenticate_token(*, secret: str) -> User:
    """The user of a Bearer token. Raises UnauthenticatedError; notes the use once a minute."""
    token = token_of(secret)
    _note_use([token])
    return token.user


def present_users(credentials: Collection[Credentials]) -> dict[Credentials, int]:
    """The users of those that are still good: active, the token live, the session not ended."""
    tokens = live_tokens({given.token for given in credentials if given.token is not None})
    _note_use(tokens.values())
    sessions = live_sessions({given.session for given in credentials if given.session is not None})
    active = active_users({given.user_id for given in credentials if given.user_id is not None})
    present = {}
    for given in credentials:
        if given.token in tokens:
            present[given] = tokens[given.token].user_id
        elif given.session in sessions and given.user_id in active:
            present[given] = given.user_id
    return present


def _note_use(tokens: Iterable[ApiToken]) -> None:
    now = timezone.now()
    due = [
        token.pk
        for token in tokens
        if token.last_used_at is None or now - token.last_used_at >= USE_RECORDED_EVERY
    ]
    if due:
        ApiToken.objects.filter(pk__in=due).update(last_used_at=now)


def create_signin_link(user: User) -> str:
    """Path of a link that signs `user` in, once, within 15 minutes."""
    secret = secrets.token_urlsafe(24)
    SignInLink.objects.create(
        user=user, digest=digest(secret), expires_at=timezone.now() + LINK_LIFETIME
    )
    return reverse("signin-link", args=[secret])


def claim_signin_link(*, secret: str) -> User:
    """The user a link signs in; of two claims only one succeeds. Raises NotFoundError."""
    now = timezone.now()
    links = SignInLink.objects.filter(digest=digest(secret))
    if links.filter(used_at=None, expires_at__gt=now).update(used_at=now) == 1:
        return links.select_related("user").get().user
    raise NotFoundError(
        "This sign-in link was used already or is older than 15 minutes: sign in with your "
        "password, or start `make run` again for a new link.",
        code="link_spent",
    )


@transaction.atomic
def ensure_local_operator(token_path: Path) -> User:
    """The superuser of this machine, owner of the project "default", with a token file (600)."""
    user, made = User.objects.get_or_create(
        username=OPERATOR, defaults={"is_staff": True, "is_superuser": True}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    project, _ = Project.objects.get_or_create(slug="default", defaults={"name": "Default"})
    Membership.objects.get_or_create(
        user=user, project=project, defaults={"role": Membership.Role.OWNER}
    )
    if not _holds_live_token(token_path, user):
        _write_secret(token_path, create_token(user=user, name="local file").secret)
    return user


def _holds_live_token(path: Path, user: User) -> bool:
    try:
        return token_of(path.read_text(encoding="utf-8").strip()).user == user
    except (FileNotFoundError, UnauthenticatedError):
        return False


def _write_secret(path: Path, secret: str) -> None:
    """Whole or not at all, and never readable by others."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")
    beside.replace(path)
