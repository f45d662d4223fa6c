"""The price book is added to here; what was booked is looked at."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from r1web.accounts.models import User
from r1web.admin import ReadOnlyAdmin
from r1web.ledger import services
from r1web.ledger.models import Booking, Price


@admin.register(Price)
class PriceAdmin(ModelAdmin):
    """Rows are added, never edited nor removed."""

    list_display = [
        *("device_model", "per_hour", "currency", "tenure", "valid_from", "added_by", "added_at"),
    ]
    list_select_related = ["added_by"]
    list_filter = ["device_model", "tenure"]
    fields = ["device_model", "per_hour", "currency", "tenure", "valid_from", "note"]
    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:  # noqa: ARG002
        assert isinstance(request.user, User)  # noqa: S101 - nobody else comes here
        added = services.add_price(actor=request.user, **form.cleaned_data)
        obj.pk = added.pk


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ["run", "attempt", "day", "stage", "phase", "node", "device_model", "device_ms"]
    list_select_related = ["run", "attempt__run"]
    list_filter = ["phase", "day"]
