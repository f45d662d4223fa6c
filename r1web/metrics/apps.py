from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "r1web.metrics"
