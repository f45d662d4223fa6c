"""Print the API's description, of which the browser's types are made."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from r1web.api.v1 import api


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        self.stdout.write(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), indent=2))
