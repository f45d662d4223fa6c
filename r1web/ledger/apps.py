from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "r1web.ledger"
