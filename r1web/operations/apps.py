from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "r1web.operations"
