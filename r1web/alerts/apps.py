from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "r1web.alerts"

    def ready(self) -> None:
        from r1web.alerts import receivers  # noqa: PLC0415 - models exist only from here on

        receivers.connect()
