"""Which socket answers which path, and who is let in at all."""

from urllib.parse import urlparse

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.urls import URLPattern, path

from r1web.live.auth import Application, Receive, Scope, Send, TokenOrElse
from r1web.live.consumers import RunSocket, RunsSocket
from r1web.playground.consumers import answers


def serve(kind: type[RunSocket | RunsSocket]) -> Application:
    """The ASGI application that answers each connection with a socket of this kind."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await kind(scope, send).run(receive)

    return application


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's form
    """Refuse the handshake, without asking Redis or the database anything."""
    await receive()
    await send({"type": "websocket.close"})


class OwnOrigin(OriginValidator):  # type: ignore[misc]  # Channels has no types
    """Lets pages of our own hosts in, as ALLOWED_HOSTS names them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        own = len(origins) == 1 and self.valid_origin(urlparse(origins[0]))
        await (self.application if own else refuse)(scope, receive, send)


def _route(pattern: str, application: Application) -> URLPattern:
    return path(pattern, application)  # type: ignore[arg-type]  # Channels routes by Django's paths


router = URLRouter(
    [
        _route("ws/runs", serve(RunsSocket)),
        _route("ws/runs/<int:run_id>", serve(RunSocket)),
        _route("ws/answers/<str:request_id>", answers),
        _route("<path:rest>", refuse),
    ]
)

websocket = TokenOrElse(
    with_token=router,
    without=OwnOrigin(AuthMiddlewareStack(router), settings.ALLOWED_HOSTS),
)
"""Browsers come with a session cookie, which other sites can send too: their origin is checked.
Programs come with a Bearer token, which no site can make a browser send."""
