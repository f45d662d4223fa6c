"""Releases are looked at here; they are asked for on a run's page."""

from django.contrib import admin

from r1web.admin import ReadOnlyAdmin
from r1web.releases.models import Release


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["run", "dtype", "state", "reason", "node", "pushed_to", "asked_by", "asked_at"]
    list_select_related = ["run", "asked_by"]
    list_filter = ["state", "dtype"]
