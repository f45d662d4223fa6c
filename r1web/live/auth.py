"""Lets programs in by `Authorization: Bearer …`; never by the URL, which ends up in logs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from r1web.accounts.services import Credentials

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
        secret = bearer_of(scope)
        if secret is None:
            await self.without(scope, receive, send)
        else:
            await self.with_token({**scope, "token": secret}, receive, send)


def bearer_of(scope: Scope) -> str | None:
    """What an HTTP request or handshake brings as `Authorization: Bearer …`."""
    for name, value in scope.get("headers", []):
        if name == b"authorization" and value[: len(BEARER)].lower() == BEARER:
            return str(value[len(BEARER) :].decode("latin-1").strip())
    return None


def credentials_of(scope: Scope) -> Credentials:
    """What is looked at again and again while the socket is open."""
    if "token" in scope:
        return Credentials(token=scope["token"])
    return Credentials(None, session=scope["session"].session_key, user_id=scope["user"].pk)
