from django.apps import AppConfig


class ProvenanceConfig(AppConfig):
    name = "r1web.provenance"
