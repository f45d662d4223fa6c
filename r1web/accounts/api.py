"""GET /me: who is asking."""

from django.middleware.csrf import get_token
from ninja import Router, Schema
from pydantic import Field

from r1web.accounts import selectors
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut

router = Router(tags=["accounts"])


class ProjectRole(Schema):
    slug: str
    name: str
    role: str = Field(description="owner, member, or viewer (may look, not change).")


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
            ProjectRole(slug=m.project.slug, name=m.project.name, role=m.role)
            for m in selectors.memberships_of(user)
        ],
        csrf_token=get_token(request),
    )
