"""Users, projects, memberships and tokens."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from r1web.accounts import services
from r1web.accounts.models import ApiToken, Membership, Project, User

admin.site.unregister(Group)  # roles in projects say who may do what


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user", "project"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    inlines = [MembershipInline]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
    ]


@admin.register(Project)
class ProjectAdmin(ModelAdmin):
    list_display = ["name", "slug", "device_quota", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["created_at"]
    inlines = [MembershipInline]


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """The secret is shown once, when the token is made."""

    list_display = ["name", "shown_prefix", "user", "state", "last_used_at", "expires_at"]
    list_filter = ["user"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    actions = ["revoke"]
    autocomplete_fields = ["user"]

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:  # noqa: ARG002
        made = ["prefix", "created_at", "last_used_at", "revoked_at"] if obj else []
        return ["user", "name", "expires_at", *made]

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: ApiToken | None = None,
    ) -> list[str]:
        return ["user", "prefix", "created_at", "last_used_at", "revoked_at"] if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiToken,
        form: "ModelForm[ApiToken]",
        change: bool,
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made = services.create_token(user=obj.user, name=obj.name, expires_at=obj.expires_at)
        obj.pk = made.token.pk
        messages.warning(request, f"Copy the token now, it is not shown again: {made.secret}")

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.revoke_token(token=token)
        messages.success(request, f"{len(queryset)} revoked.")

    @display(description="Begins with")
    def shown_prefix(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    @display(description="State", label={"live": "success", "revoked": "danger", "expired": ""})
    def state(self, token: ApiToken) -> str:
        return token.state
