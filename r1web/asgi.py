"""What uvicorn serves: HTTP by Django, WebSockets by Channels."""

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
from r1web.live.routing import websocket  # noqa: E402

keep_connections()
application = ProtocolTypeRouter({"http": ThreadedHandler(), "websocket": websocket})
