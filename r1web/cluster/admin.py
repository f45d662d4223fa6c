"""Nodes: what they have, what runs on them, their labels, and taking them out of use."""

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from r1web.accounts.models import User
from r1web.admin import ReadOnlyAdmin, ReadOnlyInline
from r1web.cluster import services
from r1web.cluster.models import Device, Job, Lease, Node
from r1web.cluster.selectors import open_leases, shown_state
from r1web.errors import InvalidError

STATE_LABELS = {
    "ready": "success",
    "draining": "warning",
    "cordoned": "warning",
    "unreachable": "danger",
}
EDITED = {"price_per_device_hour", "cordoned", "labels"}
OPEN_LEASES = Prefetch(
    "leases",
    Lease.objects.filter(released_at=None).select_related("attempt__run"),
    to_attr="open_leases",
)


class DeviceInline(ReadOnlyInline):
    model = Device
    fields = ["kind", "index", "model", "memory_bytes"]


class NodeForm(ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Labels are held to the same rule as in the API."""

    def clean_labels(self) -> list[str]:
        labels = self.cleaned_data["labels"] or []
        if not isinstance(labels, list) or not all(isinstance(name, str) for name in labels):
            raise ValidationError('Write a list of words, such as ["nvlink", "rack-3"].')
        try:
            return services.checked_labels(labels)
        except InvalidError as error:
            raise ValidationError(error.detail) from error


@admin.register(Node)
class NodeAdmin(ModelAdmin):
    form = NodeForm
    list_display = ["name", "kind", "shown_state", "running", "cpus", "heartbeat_at", "cordoned"]
    list_filter = ["kind", "cordoned"]
    search_fields = ["name", "address"]
    actions = ["cordon", "uncordon", "drain"]
    inlines = [DeviceInline]
    fields = [
        "name",
        "kind",
        "price_per_device_hour",
        "cordoned",
        "labels",
        "address",
        "queue",
        "cpus",
        "memory_bytes",
        "disk_free_bytes",
        "load",
        "versions",
        "registered_at",
        "heartbeat_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        devices = Device.objects.prefetch_related(OPEN_LEASES)
        nodes: QuerySet[Node] = super().get_queryset(request)
        return nodes.prefetch_related(Prefetch("devices", devices))

    def get_readonly_fields(self, request: HttpRequest, obj: Node | None = None) -> list[str]:  # noqa: ARG002
        """A node tells everything about itself but what people decide."""
        return [name for name in self.fields if name not in EDITED]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django names it
        """A node registers itself."""
        return False

    @display(description="State", label=STATE_LABELS)
    def shown_state(self, node: Node) -> str:
        return shown_state(node)

    @display(description="Runs")
    def running(self, node: Node) -> str:
        held = [lease for device in node.devices.all() for lease in open_leases(device)]
        return ", ".join(sorted({str(lease.attempt.run) for lease in held})) or "nothing"

    @admin.action(description="Cordon: place nothing new on it", permissions=["change"])
    def cordon(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        self._set_cordoned(request, queryset, cordoned=True)

    @admin.action(description="Uncordon: use it again", permissions=["change"])
    def uncordon(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        self._set_cordoned(request, queryset, cordoned=False)

    @admin.action(description="Drain: save its runs and queue them again", permissions=["change"])
    def drain(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
        for node in queryset:
            asked = services.drain(node_id=node.pk, actor=request.user, requeue=True)
            runs = ", ".join(map(str, asked)) or "nothing"
            messages.success(request, f"{node} takes nothing new; asked to save: {runs}.")

    def _set_cordoned(
        self, request: HttpRequest, queryset: QuerySet[Node], *, cordoned: bool
    ) -> None:
        for node in queryset:
            services.cordon(node_id=node.pk, cordoned=cordoned)
            change = "takes nothing new" if cordoned else "takes runs again"
            messages.success(request, f"{node} {change}.")


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    list_display = ["device", "attempt", "created_at", "released_at"]
    list_select_related = ["device__node", "attempt__run"]
    list_filter = ["device__node"]
    ordering = ["-id"]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "attempt", "submitted_at", "running_at", "over_at", "reason"]
    list_select_related = ["attempt__run"]
    list_filter = ["system"]
    search_fields = ["name", "key"]
