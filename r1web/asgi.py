"""What uvicorn serves: HTTP by Django, WebSockets by Channels, and /v1 for OpenAI's clients."""

import os
import warnings

import django
from channels.routing import ProtocolTypeRouter

from r1web import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.local")

# WhiteNoise opens files the plain way; Django reads them in a thread, which is all right here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

tracing.start(requests=True)
django.setup()  # before what imports models

from r1web.http import ThreadedHandler, keep_connections  # noqa: E402
from r1web.live.auth import Receive, Scope, Send  # noqa: E402
from r1web.live.routing import websocket  # noqa: E402
from r1web.playground import openai  # noqa: E402

keep_connections()
_django = ThreadedHandler()


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers below /v1 come for as long as a model writes: they hold no thread."""
    handler = openai.application if scope["path"].startswith(openai.PREFIX) else _django
    await handler(scope, receive, send)  # type: ignore[arg-type]  # Django's own dictionaries


application = ProtocolTypeRouter({"http": http, "websocket": websocket})
