"""What this app does when something happens elsewhere."""

from typing import Any

from django.db.models.signals import post_save

from r1web.accounts.models import Project
from r1web.alerts import services
from r1web.runs.models import Run, State, Transition
from r1web.runs.signals import state_changed


def connect() -> None:
    post_save.connect(_project_saved, sender=Project, dispatch_uid="alerts.project")
    state_changed.connect(_state_changed, dispatch_uid="alerts.state")


def _project_saved(instance: Project, created: bool, raw: bool, **_: Any) -> None:
    if created and not raw:
        services.give_default_rules(project=instance)


def _state_changed(run: Run, transition: Transition, **_: Any) -> None:
    if not transition.from_state:
        services.copy_rules(run=run)
    services.watch_state(run=run, transition=transition)
    if transition.to_state == State.QUEUED != transition.from_state:
        services.hold_over_budget(run=run)
