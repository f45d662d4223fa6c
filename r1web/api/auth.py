"""Who calls: the owner of a Bearer token, or of a session with a CSRF token."""

from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from r1web.accounts.models import User
from r1web.accounts.services import authenticate_token
from r1web.errors import ForbiddenError


class ApiRequest(HttpRequest):
    """A request that has passed one of the two below."""

    user: User


class TokenAuth(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User:
        """Raises UnauthenticatedError with the reason for a token that is no longer good."""
        request.user = authenticate_token(secret=token)
        return request.user


class SessionAuth(APIKeyCookie):
    param_name = "sessionid"

    def __init__(self) -> None:
        super().__init__(csrf=False)  # checked below, once it is known that there is a user

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:  # noqa: ARG002
        """Raises ForbiddenError when a change comes without the CSRF token."""
        user = request.user
        if not isinstance(user, User):
            return None
        if check_csrf(request) is not None:
            raise ForbiddenError(
                "The CSRF token is missing or wrong: send the cookie csrftoken as X-CSRFToken.",
                code="csrf_failed",
            )
        return user


AUTH = [TokenAuth(), SessionAuth()]
