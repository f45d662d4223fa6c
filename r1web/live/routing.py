"""Which consumer answers which path, and who is let in at all."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from r1web.live.auth import TokenOrElse
from r1web.live.consumers import RunConsumer, RunsConsumer, UnknownPath

router = URLRouter(
    [
        path("ws/runs", RunsConsumer.as_asgi()),
        path("ws/runs/<int:run_id>", RunConsumer.as_asgi()),
        path("<path:rest>", UnknownPath.as_asgi()),
    ]
)

websocket = TokenOrElse(
    with_token=router, without=AllowedHostsOriginValidator(AuthMiddlewareStack(router))
)
"""Browsers come with a session cookie, which other sites can send too: their origin is checked.
Programs come with a Bearer token, which no site can make a browser send."""
