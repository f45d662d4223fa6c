"""What each kind of target is sent. Each sender raises SendError when it could not."""

import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Callable

from django.conf import settings
from django.core.mail import send_mail

from r1web.alerts.models import Alert, Delivery, Target, TargetKind
from r1web.alerts.services.guarded import SendError, post
from r1web.metrics.wire import wire_value

JSON = {"Content-Type": "application/json", "User-Agent": "r1web"}


def send(delivery: Delivery) -> None:
    """Send the delivery's alert to its target. Raises SendError."""
    target = delivery.target
    if target is None or not target.enabled:
        raise SendError("The target was deleted or switched off.", final=True)
    SENDERS[target.kind](target, delivery)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, "." and body: what a receiver has to compute and compare."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def page_of(alert: Alert) -> str:
    return f"{settings.R1WEB_PUBLIC_URL}/runs/{alert.run_id}?tab=alerts"


def _email(target: Target, delivery: Delivery) -> None:
    if not settings.R1WEB_EMAIL_URL:
        raise SendError("This server cannot send e-mail: set R1WEB_EMAIL_URL.", final=True)
    alert = delivery.alert
    subject = f"[r1web] {alert.run}: {alert.rule_name}"
    text = f"{alert.message}\n\nStep {alert.step}, {alert.at:%Y-%m-%d %H:%M:%S} UTC\n"
    try:
        send_mail(subject, f"{text}{page_of(alert)}\n", None, [target.address])
    except smtplib.SMTPRecipientsRefused as error:
        raise SendError("The mail server refused the address.", final=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendError(f"The mail server did not take it: {type(error).__name__}.") from error


def _webhook(target: Target, delivery: Delivery) -> None:
    alert = delivery.alert
    body = json.dumps(
        {
            "delivery": delivery.pk,
            "alert": alert.pk,
            "project": alert.run.project.slug,
            "run": {"id": alert.run_id, "name": alert.run.name},
            "rule": alert.rule_name,
            "metric": alert.metric,
            "value": wire_value(alert.value) if alert.has_value else None,
            "step": alert.step,
            "at": alert.at.isoformat(),
            "message": alert.message,
            "url": page_of(alert),
        }
    ).encode()
    timestamp = str(int(time.time()))
    signed = {
        "X-R1web-Timestamp": timestamp,
        "X-R1web-Signature": signature(target.secret, timestamp, body),
    }
    post(target.address, body, {**JSON, **signed})


def _slack(target: Target, delivery: Delivery) -> None:
    alert = delivery.alert
    text = _escaped(f"{alert.run}: {alert.rule_name}. {alert.message}")
    body = json.dumps({"text": f"{text}\n{page_of(alert)}"}).encode()
    post(target.address, body, JSON)


def _escaped(text: str) -> str:
    """Slack reads <…> as links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SENDERS: dict[str, Callable[[Target, Delivery], None]] = {
    TargetKind.EMAIL: _email,
    TargetKind.WEBHOOK: _webhook,
    TargetKind.SLACK: _slack,
}
