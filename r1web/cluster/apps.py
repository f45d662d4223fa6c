from django.apps import AppConfig


class ClusterConfig(AppConfig):
    name = "r1web.cluster"
