"""Lets programs in by `Authorization: Bearer …`; never by the URL, which ends up in logs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from channels.db import database_sync_to_async

from r1web.accounts.models import User
from r1web.accounts.services import authenticate_token
from r1web.errors import UnauthenticatedError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BEARER = b"bearer "


class TokenOrElse:
    """Routes connections that bring a Bearer token to one application, the others to another."""

    def __init__(self, *, with_token: Application, without: Application) -> None:
        self.with_token = with_token
        self.without = without

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        secret = _bearer(scope)
        if secret is None:
            await self.without(scope, receive, send)
        else:
            found = await database_sync_to_async(_user)(secret)
            await self.with_token({**scope, "user": found, "token": secret}, receive, send)


def _bearer(scope: Scope) -> str | None:
    for name, value in scope.get("headers", []):
        if name == b"authorization" and value[: len(BEARER)].lower() == BEARER:
            return str(value[len(BEARER) :].decode("latin-1").strip())
    return None


def _user(secret: str) -> User | None:
    try:
        return authenticate_token(secret=secret)
    except UnauthenticatedError:
        return None
