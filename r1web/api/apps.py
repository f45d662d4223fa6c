from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "r1web.api"
