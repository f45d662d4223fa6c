"""Where a project's alerts go."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from r1web.accounts.models import Project
from r1web.alerts import queue
from r1web.alerts.models import Delivery, Target, TargetKind
from r1web.alerts.services.guarded import SendError, checked_url
from r1web.errors import InvalidError
from r1web.runs.services import checked_name

MOST_TARGETS = 20
NAME_LENGTH = 80
SECRET_LENGTHS = (16, 200)


def create_target(*, project: Project, fields: Mapping[str, Any]) -> Target:
    """Raises InvalidError at the field at fault."""
    if Target.objects.filter(project=project).count() >= MOST_TARGETS:
        raise InvalidError(f"There may be {MOST_TARGETS} targets: delete or edit one.", path="name")
    target = Target(project=project, **fields)
    check_target(target)
    target.save()
    return target


def edit_target(*, target: Target, changes: Mapping[str, Any]) -> Target:
    """Change what is given; its kind stays. Raises InvalidError at the field at fault."""
    for name, value in changes.items():
        setattr(target, name, value)
    check_target(target)
    target.save()
    return target


def delete_target(*, target: Target) -> None:
    """What was sent there stays in the log."""
    target.delete()


def send_test(*, target: Target) -> Delivery:
    """Send something now, once, also when it is switched off; the log tells how that went."""
    delivery = Delivery.objects.create(
        project=target.project, target=target, target_name=target.name
    )
    queue.deliver()
    return delivery


def check_target(target: Target) -> None:
    """Raise InvalidError unless something can be sent there, as far as can be told now."""
    target.name = checked_name(target.name, "the target")
    if len(target.name) > NAME_LENGTH:
        raise InvalidError(f"A target's name has at most {NAME_LENGTH} characters.", path="name")
    if target.kind == TargetKind.EMAIL:
        _check_email(target.address)
    else:
        _check_url(target.address)
    _check_secret(target)


def _check_email(address: str) -> None:
    if not settings.R1WEB_EMAIL_URL:
        raise InvalidError(
            "This server cannot send e-mail: have R1WEB_EMAIL_URL set, or take a webhook.",
            path="kind",
        )
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidError("This is not an e-mail address: correct it.", path="address") from error


def _check_url(address: str) -> None:
    try:
        checked_url(address)
    except SendError as error:
        raise InvalidError(f"{error} Give another one.", path="address") from error


def _check_secret(target: Target) -> None:
    least, most = SECRET_LENGTHS
    if target.kind == TargetKind.WEBHOOK and not least <= len(target.secret) <= most:
        raise InvalidError(
            f"A webhook needs a secret of {least} to {most} characters, which signs what is sent.",
            path="secret",
        )
    if target.kind != TargetKind.WEBHOOK and target.secret:
        raise InvalidError("Only a webhook has a secret: leave it out.", path="secret")
