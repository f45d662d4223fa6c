"""Runs, with the same verbs as the API; what happened to them is only to be read."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesCheckboxFilter,
)
from unfold.decorators import display

from r1web.accounts.models import User
from r1web.admin import ReadOnly, ReadOnlyAdmin, ReadOnlyInline
from r1web.errors import ProblemError
from r1web.runs import services
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State, Transition
from training.config import ConfigError

STATE_LABELS = {
    State.QUEUED: "primary",
    State.STARTING: "info",
    State.RUNNING: "info",
    State.STOPPING: "info",
    State.FINISHED: "success",
    State.FAILED: "danger",
    State.LOST: "warning",
    State.STOPPED: "",
}


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ["number", "node", "start_step", "started_at", "ended_at", "outcome", "reason"]


class TransitionInline(ReadOnlyInline):
    model = Transition
    fields = ["at", "from_state", "to_state", "reason", "actor"]
    ordering = ["-id"]
    verbose_name_plural = "History"


class CheckpointInline(ReadOnlyInline):
    model = Checkpoint
    fk_name = "run"
    fields = ["step", "path", "bytes", "reason", "created_at", "deleted_at"]


class DeletedFilter(admin.SimpleListFilter):
    """Deleted runs stand in a list of their own, from which they can be restored."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("restorable", "Can be restored"), ("purged", "Data removed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:  # noqa: ARG002
        if self.value() == "restorable":
            return queryset.filter(deleted_at__isnull=False, purged_at=None)
        if self.value() == "purged":
            return queryset.filter(purged_at__isnull=False)
        return queryset.filter(deleted_at=None)


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "__str__",
        "shown_state",
        "progress",
        "preset",
        "project",
        "owner",
        "created_at",
    ]
    list_select_related = ["project", "owner"]
    list_filter = [
        DeletedFilter,
        ("state", ChoicesCheckboxFilter),
        "preset",
        ("project", AutocompleteSelectFilter),
        ("owner", AutocompleteSelectFilter),
        "created_at",
    ]
    list_filter_submit = True
    list_per_page = 50
    search_fields = ["name", "preset", "owner__username"]
    ordering = ["-id"]
    actions = ["stop", "pause", "proceed", "resume", "clone", "give_way", "keep_devices", "restore"]
    inlines = [AttemptInline, TransitionInline, CheckpointInline]
    fieldsets = [
        (None, {"fields": ["name", "tags", "project", "owner", "preset", "state", "reason"]}),
        ("Progress", {"fields": ["progress", "created_at", "started_at", "ended_at"]}),
        ("Deleted", {"fields": ["deleted_at", "deleted_by", "purged_at"]}),
        (
            "Queue",
            {
                "fields": [
                    "priority",
                    "preemptible",
                    "paused",
                    "resume_at",
                    "queued_at",
                    "reserved_nodes",
                ]
            },
        ),
        ("Config", {"fields": ["overrides", "config", "digest"], "classes": ["tab"]}),
        ("Origin", {"fields": ["parent", "parent_step", "start_checkpoint"], "classes": ["tab"]}),
    ]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("runs.change_run")

    @display(description="State", ordering="state", label=STATE_LABELS)
    def shown_state(self, run: Run) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @display(description="Progress", ordering="last_step")
    def progress(self, run: Run) -> SafeString:
        share = round(100 * run.last_step / run.total_steps)
        context = {"items": [{"value": share}], "title": f"{run.last_step} of {run.total_steps}"}
        return render_to_string("unfold/components/progress.html", context)

    @admin.action(description="Stop", permissions=["act"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        user = _user(request)
        self._each(request, queryset, lambda run: services.request_stop(run=run, actor=user))

    @admin.action(description="Pause", permissions=["act"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        user = _user(request)
        self._each(request, queryset, lambda run: services.request_pause(run=run, actor=user))

    @admin.action(description="Continue", permissions=["act"])
    def proceed(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        user = _user(request)
        self._each(request, queryset, lambda run: services.continue_run(run=run, actor=user))

    @admin.action(description="Restore", permissions=["act"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, lambda run: services.restore_run(run=run))

    @admin.action(description="Resume", permissions=["act"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        user = _user(request)
        self._each(request, queryset, lambda run: services.resume_run(run=run, actor=user))

    @admin.action(description="Clone", permissions=["act"])
    def clone(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        user = _user(request)
        self._each(request, queryset, lambda run: services.clone_run(run=run, actor=user))

    @admin.action(description="Make preemptible", permissions=["act"])
    def give_way(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, _preemptible(True), said="may give way to a higher priority")

    @admin.action(description="Make not preemptible", permissions=["act"])
    def keep_devices(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, _preemptible(False), said="gives way to no other run")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Run],
        act: Callable[[Run], Run],
        *,
        said: str = "",
    ) -> None:
        """Do it to every chosen run, and say of each how that went: `said`, or its state."""
        for run in queryset.select_related("project", "start_checkpoint__run"):
            try:
                after = act(run)
            except (ProblemError, ConfigError) as error:
                messages.error(request, f"{run}: {error}")
            else:
                told = said or f"is {after.get_state_display().lower()}"
                messages.success(request, f"{after} {told}.")


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["run", "number", "node", "start_step", "started_at", "ended_at", "outcome"]
    list_select_related = ["run", "node"]
    list_filter = ["outcome", "node"]
    search_fields = ["run__name"]
    ordering = ["-id"]


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    list_display = ["at", "run", "from_state", "to_state", "reason", "actor"]
    list_select_related = ["run"]
    list_filter = ["to_state"]
    search_fields = ["run__name", "reason", "actor"]
    ordering = ["-id"]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ["run", "step", "bytes", "reason", "created_at", "deleted_at"]
    list_select_related = ["run"]
    list_filter = ["reason"]
    search_fields = ["run__name", "path"]
    ordering = ["-id"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["run", "seq", "type", "step", "at"]
    list_select_related = ["run"]
    list_filter = ["type"]
    search_fields = ["run__name"]
    ordering = ["-id"]


def _preemptible(given: bool) -> Callable[[Run], Run]:
    return lambda run: services.edit_run(run=run, preemptible=given)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
    return request.user
