"""What each kind of target is sent. Each sender raises SendError when it could not."""

import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Callable

from django.conf import settings
from django.core.mail import send_mail

from r1web.alerts.models import Delivery, Target, TargetKind
from r1web.alerts.services.guarded import SendError, post
from r1web.alerts.services.notice import Notice, notice_of

JSON = {"Content-Type": "application/json", "User-Agent": "r1web"}


def send(delivery: Delivery) -> None:
    """Send the delivery's alert, or a test, to its target. Raises SendError."""
    target = delivery.target
    if target is None or not (target.enabled or delivery.alert is None):
        raise SendError("The target was deleted or switched off.", final=True)
    SENDERS[target.kind](target, delivery, notice_of(delivery))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, "." and body: what a receiver has to compute and compare."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _email(target: Target, delivery: Delivery, notice: Notice) -> None:  # noqa: ARG001
    if not settings.R1WEB_EMAIL_URL:
        raise SendError("This server cannot send e-mail: set R1WEB_EMAIL_URL.", final=True)
    text = f"{notice.message}\n\n{notice.at:%Y-%m-%d %H:%M:%S} UTC\n{notice.url}\n"
    try:
        send_mail(f"[r1web] {notice.about}: {notice.rule}", text, None, [target.address])
    except smtplib.SMTPRecipientsRefused as error:
        raise SendError("The mail server refused the address.", final=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendError(f"The mail server did not take it: {type(error).__name__}.") from error


def _webhook(target: Target, delivery: Delivery, notice: Notice) -> None:
    body = json.dumps({"delivery": delivery.pk, **notice.as_json()}).encode()
    timestamp = str(int(time.time()))
    signed = {
        "X-R1web-Timestamp": timestamp,
        "X-R1web-Signature": signature(target.secret, timestamp, body),
    }
    post(target.address, body, {**JSON, **signed})


def _slack(target: Target, delivery: Delivery, notice: Notice) -> None:  # noqa: ARG001
    text = _escaped(f"{notice.about}: {notice.rule}. {notice.message}")
    post(target.address, json.dumps({"text": f"{text}\n{notice.url}"}).encode(), JSON)


def _escaped(text: str) -> str:
    """Slack reads <…> as links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SENDERS: dict[str, Callable[[Target, Delivery, Notice], None]] = {
    TargetKind.EMAIL: _email,
    TargetKind.WEBHOOK: _webhook,
    TargetKind.SLACK: _slack,
}
