"""What the server runs: pages by HTTP, live news by WebSocket, rings by channel."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agenthub.settings")

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

django.setup(set_prefix=False)

# Only now are the apps loaded, which the consumers need.
from agenthub.handler import Handler  # noqa: E402
from agents.live.handshake import OwnPagesOrToken  # noqa: E402
from agents.live.routing import websocket_urlpatterns  # noqa: E402
from agents.supervisor.consumer import SupervisorConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": ASGIStaticFilesHandler(Handler()),
        "websocket": OwnPagesOrToken(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
        "channel": SupervisorConsumer.as_asgi(),
    }
)
