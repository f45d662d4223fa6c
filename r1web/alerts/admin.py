"""Rules and targets, to be edited; alerts and deliveries, only to be read."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from r1web.accounts.models import User
from r1web.admin import ReadOnly, ReadOnlyAdmin, ReadOnlyInline
from r1web.alerts import selectors, services
from r1web.alerts.models import Alert, Delivery, DeliveryStatus, Rule, Target
from r1web.errors import ProblemError

STATUS_LABELS = {
    DeliveryStatus.PENDING: "info",
    DeliveryStatus.SENT: "success",
    DeliveryStatus.FAILED: "danger",
}


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Rule
        fields = [
            "project", "run", "name", "kind", "metric", "direction", "limit", "points", "seconds",
            "states", "unit", "days", "action", "enabled",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["states"] = cleaned.get("states") or []
        made_for, run = cleaned.get("project"), cleaned.get("run")
        if made_for and run and run.project_id != made_for.pk:
            self.add_error("run", "This run belongs to another project.")
        if not self.errors:
            _check(self, lambda: services.check_rule(Rule(**cleaned)))
        return cleaned


class TargetForm(forms.ModelForm):  # type: ignore[type-arg]  # likewise
    secret = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(),
        help_text="Signs what a webhook is sent. Left empty, it stays as it is; it is never shown.",
    )

    class Meta:
        model = Target
        fields = ["project", "name", "kind", "address", "secret", "enabled"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["secret"] = cleaned.get("secret") or self.initial.get("secret", "")
        if not self.errors:
            _check(self, lambda: services.check_target(Target(**cleaned)))
        return cleaned


@admin.register(Rule)
class RuleAdmin(ModelAdmin):
    """Without a run, a rule is one of the project's, which each new run begins with."""

    form = RuleForm
    list_display = ["name", "project", "run", "kind", "metric", "action", "enabled"]
    list_select_related = ["project", "run"]
    list_filter = ["project", ("run", admin.EmptyFieldListFilter), "kind", "enabled"]
    search_fields = ["name", "metric", "run__name"]
    autocomplete_fields = ["project", "run"]
    ordering = ["-id"]

    def save_model(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Rule,
        form: RuleForm,
        change: bool,
    ) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            services.edit_rule(rule=obj, changes=fields)
        else:
            obj.save()


@admin.register(Target)
class TargetAdmin(ModelAdmin):
    form = TargetForm
    list_display = ["name", "project", "kind", "shown_address", "enabled"]
    list_select_related = ["project"]
    list_filter = ["project", "kind", "enabled"]
    search_fields = ["name"]
    autocomplete_fields = ["project"]
    actions = ["test"]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_target")

    @admin.action(description="Send a test", permissions=["act"])
    def test(self, request: HttpRequest, queryset: QuerySet[Target]) -> None:
        for target in queryset:
            services.send_test(target=target)
        messages.success(request, "Under way: the deliveries tell how it went.")

    @display(description="Address")
    def shown_address(self, target: Target) -> str:
        return selectors.shown_address(target)


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = ["target_name", "status", "tries", "due_at", "sent_at", "error"]


@admin.register(Alert)
class AlertAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "project", "run", "rule_name", "step", "message", "cleared_at"]
    list_select_related = ["project", "run"]
    list_filter = [("acknowledged_at", admin.EmptyFieldListFilter), "project"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["run__name", "rule_name", "metric"]
    ordering = ["-id"]
    actions = ["acknowledge"]
    inlines = [DeliveryInline]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_alert")

    @admin.action(description="Acknowledge", permissions=["act"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
        for alert in queryset:
            services.acknowledge(alert=alert, actor=request.user)
        messages.success(request, f"{len(queryset)} acknowledged.")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = [
        "created_at",
        "alert",
        "target_name",
        "shown_status",
        "tries",
        "due_at",
        "error",
    ]
    list_select_related = ["alert__run", "alert__project"]
    list_filter = ["status", "project", "target_name"]
    search_fields = ["target_name", "alert__run__name"]
    ordering = ["-id"]

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def shown_status(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.status, delivery.get_status_display()


def _check(form: "forms.ModelForm[Any]", check: Callable[[], None]) -> None:
    """Run a service's check; what it says stands at the field it names."""
    try:
        check()
    except ProblemError as error:
        for problem in error.errors:
            form.add_error(problem.path, problem.message)
