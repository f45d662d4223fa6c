"""Prompts with their completions, only to be read."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from r1web.admin import ReadOnlyAdmin
from r1web.rollouts.models import Group


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    list_display = ["run", "step", "index", "question", "answer", "reward_mean", "trained"]
    list_select_related = ["run"]
    list_filter = ["trained"]
    search_fields = ["run__name", "question"]
    ordering = ["-id"]
    show_full_result_count = False
    fields = [
        "run", "attempt", "step", "index", "trained", "policy_version", "fingerprint", "prompt",
        "question", "answer", "reward_mean", "written",
    ]  # fmt: skip
    readonly_fields = ["prompt", "written"]

    @admin.display(description="Completions")
    def written(self, group: Group) -> SafeString:
        """What the model wrote is text: it is escaped."""
        rows = (
            (
                one.index,
                one.reward,
                one.rewards,
                one.reward_errors,
                one.finish_reason,
                one.text,
            )
            for one in group.completions
        )
        block = "<p>{}: reward {}, {} {}, {}</p><pre style='white-space: pre-wrap'>{}</pre>"
        return format_html_join("", block, rows)
