from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "r1web.reports"
