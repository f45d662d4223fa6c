"""Nodes: what they have, what runs on them, and keeping new runs off them."""

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from r1web.admin import ReadOnlyAdmin, ReadOnlyInline
from r1web.cluster import services
from r1web.cluster.models import Device, Lease, Node
from r1web.cluster.selectors import node_state

STATE_LABELS = {"ready": "success", "cordoned": "warning", "unreachable": "danger"}
OPEN_LEASES = Prefetch(
    "leases", Lease.objects.filter(released_at=None).select_related("attempt__run"), to_attr="held"
)


class DeviceInline(ReadOnlyInline):
    model = Device
    fields = ["kind", "index", "model", "memory_bytes"]


@admin.register(Node)
class NodeAdmin(ModelAdmin):
    list_display = ["name", "shown_state", "running", "cpus", "heartbeat_at", "cordoned"]
    list_filter = ["cordoned"]
    search_fields = ["name", "address"]
    actions = ["cordon", "uncordon"]
    inlines = [DeviceInline]
    fields = [
        "name",
        "price_per_device_hour",
        "cordoned",
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
        """A node tells everything about itself but its price and whether it may be used."""
        return [name for name in self.fields if name not in {"price_per_device_hour", "cordoned"}]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django names it
        """A node registers itself."""
        return False

    @display(description="State", label=STATE_LABELS)
    def shown_state(self, node: Node) -> str:
        return node_state(node)

    @display(description="Runs")
    def running(self, node: Node) -> str:
        held = [lease for device in node.devices.all() for lease in getattr(device, "held", [])]
        return ", ".join(sorted({str(lease.attempt.run) for lease in held})) or "nothing"

    @admin.action(description="Cordon: place nothing new on it", permissions=["change"])
    def cordon(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        self._set_cordoned(request, queryset, cordoned=True)

    @admin.action(description="Uncordon: use it again", permissions=["change"])
    def uncordon(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        self._set_cordoned(request, queryset, cordoned=False)

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
