from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "r1web.live"
