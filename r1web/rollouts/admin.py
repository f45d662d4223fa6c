"""Prompts with their completions, only to be read."""

from django.contrib import admin

from r1web.admin import ReadOnlyAdmin, ReadOnlyInline
from r1web.rollouts.models import Completion, Group


class CompletionInline(ReadOnlyInline):
    model = Completion
    fields = [
        "index", "reward", "rewards", "reward_errors", "advantage", "length", "finish_reason",
        "text",
    ]  # fmt: skip


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    list_display = ["run", "step", "index", "question", "answer", "reward_mean", "trained"]
    list_select_related = ["run"]
    list_filter = ["trained"]
    search_fields = ["run__name", "question"]
    ordering = ["-id"]
    show_full_result_count = False
    inlines = [CompletionInline]


@admin.register(Completion)
class CompletionAdmin(ReadOnlyAdmin):
    list_display = ["group", "index", "reward", "advantage", "length", "finish_reason"]
    list_select_related = ["group"]
    list_filter = ["finish_reason"]
    ordering = ["-id"]
    show_full_result_count = False
