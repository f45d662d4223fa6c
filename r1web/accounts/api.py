"""GET /me: who is asking. PATCH /projects/{slug}: what a project may hold."""

from django.middleware.csrf import get_token
from ninja import Router, Schema
from pydantic import Field

from r1web.accounts import selectors, services
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.errors import ForbiddenError

router = Router(tags=["accounts"])


class ProjectRole(Schema):
    slug: str
    name: str
    role: str = Field(description="owner, member, or viewer (may look, not change).")
    device_quota: int | None = Field(
        description="Devices its runs may hold at once; null: as many as there are."
    )


class Me(Schema):
    id: int
    username: str
    is_staff: bool = Field(description="May open the admin panel.")
    projects: list[ProjectRole]
    csrf_token: str = Field(description="To be sent as X-CSRFToken with a session's changes.")


@router.get("/me", response={200: Me, ERRORS: ProblemOut}, summary="Who is asking")
def get_me(request: ApiRequest) -> Me:
    user = request.user
    return Me(
        id=user.pk,
        username=user.username,
        is_staff=user.is_staff,
        projects=[
            ProjectRole(
                slug=m.project.slug,
                name=m.project.name,
                role=m.role,
                device_quota=m.project.device_quota,
            )
            for m in selectors.memberships_of(user)
        ],
        csrf_token=get_token(request),
    )


class ProjectOut(Schema):
    slug: str
    name: str
    device_quota: int | None


class ProjectPatch(Schema, extra="forbid"):
    device_quota: int | None = Field(ge=0, le=1_000_000)


@router.patch(
    "/projects/{slug}",
    response={200: ProjectOut, ERRORS: ProblemOut},
    summary="Set a project's quota",
)
def patch_project(request: ApiRequest, slug: str, body: ProjectPatch) -> ProjectOut:
    """How many devices its runs may hold at once; null: as many as there are. For staff."""
    if not request.user.is_staff:
        raise ForbiddenError("Only staff may set a project's quota.")
    project = services.set_quota(slug=slug, device_quota=body.device_quota)
    return ProjectOut(slug=project.slug, name=project.name, device_quota=project.device_quota)
