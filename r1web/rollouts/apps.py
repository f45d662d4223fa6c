from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "r1web.rollouts"
