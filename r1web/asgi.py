"""What uvicorn serves: HTTP by Django, WebSockets by Channels."""

import os
import warnings

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from r1web import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.local")

# WhiteNoise opens files the plain way; Django reads them in a thread, which is all right here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

tracing.start(requests=True)
http = get_asgi_application()  # sets Django up, so it comes before what imports models

from r1web.live.routing import websocket  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": websocket})
