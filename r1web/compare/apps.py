from django.apps import AppConfig


class CompareConfig(AppConfig):
    name = "r1web.compare"
