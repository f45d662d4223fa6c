"""Views and notes: who keeps what, and bringing back what was deleted."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from r1web.admin import ReadOnly, ReadOnlyInline
from r1web.compare import services
from r1web.compare.models import Note, NoteVersion, SavedView


class KeptAdmin(ReadOnly, ModelAdmin):
    """What people write in the browser is changed there; here it is looked at and restored."""

    list_select_related = ["project", "created_by"]
    list_filter = ["project", ("deleted_at", admin.EmptyFieldListFilter)]
    list_per_page = 50
    ordering = ["-id"]
    actions = ["restore"]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"compare.change_{self.opts.model_name}")

    @admin.action(description="Bring back what was deleted", permissions=["act"])
    def restore(self, request: HttpRequest, queryset: QuerySet[SavedView | Note]) -> None:
        deleted = list(queryset.filter(deleted_at__isnull=False))
        for row in deleted:
            services.restore(row=row)
        messages.success(request, f"{len(deleted)} brought back.")


@admin.register(SavedView)
class SavedViewAdmin(KeptAdmin):
    list_display = ["name", "project", "created_by", "updated_at", "deleted_at"]
    search_fields = ["name"]


class NoteVersionInline(ReadOnlyInline):
    model = NoteVersion
    fields = ["version", "title", "saved_by", "saved_at"]


@admin.register(Note)
class NoteAdmin(KeptAdmin):
    list_display = ["title", "project", "version", "updated_by", "updated_at", "deleted_at"]
    list_select_related = ["project", "created_by", "updated_by"]
    search_fields = ["title"]
    inlines = [NoteVersionInline]
