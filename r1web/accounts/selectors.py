"""Who is asking, and what they may see."""

import hashlib
from collections.abc import Collection

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from r1web.accounts.models import ApiToken, Membership, Project, User
from r1web.errors import ForbiddenError, NotFoundError, UnauthenticatedError

CHANGERS = frozenset({Membership.Role.OWNER, Membership.Role.MEMBER})


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(secret: str) -> ApiToken:
    """The live token with this secret. Raises UnauthenticatedError and says why it is none."""
    live = ApiToken.objects.select_related("user").filter(user__is_active=True)
    try:
        token = live.get(digest=digest(secret))
    except ApiToken.DoesNotExist as error:
        raise UnauthenticatedError(
            "This token is not known: check that it was copied whole.", code="token_unknown"
        ) from error
    if token.state == "revoked":
        raise UnauthenticatedError("This token was revoked: make a new one.", code="token_revoked")
    if token.state == "expired":
        when = f"{token.expires_at:%Y-%m-%d %H:%M} UTC"
        raise UnauthenticatedError(
            f"This token expired on {when}: make a new one.", code="token_expired"
        )
    return token


def live_tokens(secrets: Collection[str]) -> dict[str, ApiToken]:
    """Those that are live, of active users, by secret."""
    by_digest = {digest(secret): secret for secret in secrets}
    tokens = ApiToken.objects.filter(digest__in=by_digest, user__is_active=True)
    return {by_digest[token.digest]: token for token in tokens if token.state == "live"}


def live_sessions(keys: Collection[str]) -> set[str]:
    """The keys of sessions that have neither ended nor expired."""
    found = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return set(found.values_list("session_key", flat=True))


def active_users(user_ids: Collection[int]) -> set[int]:
    found = User.objects.filter(pk__in=user_ids, is_active=True)
    return set(found.values_list("pk", flat=True))


def projects_of(user: User) -> QuerySet[Project]:
    return Project.objects.filter(memberships__user=user)


def role_in(user: User, project: Project) -> str | None:
    """ "owner", "member" or "viewer"; None for a stranger."""
    membership = Membership.objects.filter(user=user, project=project).first()
    return membership.role if membership else None


def visible_project(user: User, slug: str) -> Project:
    """Raises NotFoundError for a project the user is not in."""
    project = projects_of(user).filter(slug=slug).first()
    if project is None:
        raise NotFoundError(f"There is no project “{slug[:60]}” that you may see.")
    return project


def changeable_project(user: User, slug: str) -> Project:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    project = visible_project(user, slug)
    require_change(user, project)
    return project


def require_change(user: User, project: Project) -> None:
    if role_in(user, project) not in CHANGERS:
        raise ForbiddenError(f"You may look at “{project}”, but not change it.")


def memberships_of(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("project").order_by("project_id")
