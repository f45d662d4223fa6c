from django.apps import AppConfig


class LocalConfig(AppConfig):
    name = "r1web.local"
