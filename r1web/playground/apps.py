from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "r1web.playground"
