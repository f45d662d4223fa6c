from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "r1web.releases"
