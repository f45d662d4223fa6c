"""Puts right what fell between: a message that got lost, a process or machine that died."""

from datetime import timedelta

from django.utils import timezone

from r1web.releases import queue, selectors
from r1web.releases.models import Release, ReleaseState

ASK_AGAIN_AFTER = timedelta(seconds=15)
SILENT_AFTER = timedelta(seconds=60)


def look_after() -> None:
    """Ask again for what nobody has begun; give up what has not been heard of for a minute."""
    now = timezone.now()
    late = Release.objects.filter(state=ReleaseState.QUEUED, asked_at__lt=now - ASK_AGAIN_AFTER)
    for release in late.select_related("checkpoint__attempt__node").order_by("asked_at"):
        queue.export(release.pk, selectors.queue_of(release.checkpoint))
    exporting = Release.objects.filter(state=ReleaseState.EXPORTING)
    for release in exporting.filter(heartbeat_at__lt=now - SILENT_AFTER):
        # By what was seen, so that one that beats just now goes on.
        exporting.filter(pk=release.pk, heartbeat_at=release.heartbeat_at).update(
            state=ReleaseState.FAILED,
            ended_at=now,
            reason=f"Nothing was heard of the export on {release.node} for "
            f"{SILENT_AFTER.total_seconds():.0f} s: ask for it again.",
        )
