"""Alerts on their way: signed, tried again, given up, and never to where they must not go."""

import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from r1web.accounts.models import Project
from r1web.alerts import services
from r1web.alerts.models import Alert, Delivery, Rule, Target
from r1web.alerts.services import guarded
from r1web.alerts.services.delivery import MOST_TRIES, PAUSES
from r1web.alerts.services.guarded import SendError, post
from tests.r1web.alerts.conftest import SECRET, Journal
from tests.r1web.conftest import Api
from tests.r1web.receiver import Receiver

MakeRule = Callable[..., Rule]


@pytest.fixture
def webhook(project: Project, receiver: Receiver) -> Target:
    fields = {"name": "pager", "kind": "webhook", "address": receiver.url, "secret": SECRET}
    return services.create_target(project=project, fields=fields)


@pytest.fixture
def raise_alert(journal: Journal, make_rule: MakeRule) -> Callable[[], Alert]:
    make_rule(metric="a", name="A")

    def work() -> Alert:
        journal.values("a", 0, 2, first_step=journal.seq + 1)
        return Alert.objects.latest("id")

    return work


def log() -> list[tuple[str, int, str]]:
    deliveries = Delivery.objects.order_by("id")
    return [(one.status, one.tries, one.error) for one in deliveries]


def deliver_until_nothing_is_due() -> list[timedelta]:
    """How long each try came after the one before."""
    now, waits = timezone.now(), []
    while services.deliver_due(now=now):
        pending = Delivery.objects.filter(status="pending").order_by("due_at").first()
        if pending is None:
            break
        waits.append(pending.due_at - now)
        assert services.deliver_due(now=pending.due_at - timedelta(seconds=1)) == 0
        now = pending.due_at
    return waits


def test_a_webhook_gets_what_happened_signed(
    webhook: Target, receiver: Receiver, raise_alert: Callable[[], Alert]
) -> None:
    alert = raise_alert()
    assert services.deliver_due() == 1
    ((path, headers, body),) = receiver.requests
    stamp = headers["X-R1web-Timestamp"]
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    assert headers["X-R1web-Signature"] == f"sha256={expected.hexdigest()}"
    assert abs(int(stamp) - timezone.now().timestamp()) < 60
    told = json.loads(body)
    assert (path, told["alert"], told["rule"]) == ("/hook", alert.pk, "A")
    assert (told["value"], told["step"], told["metric"]) == (2.0, 2, "a")
    assert told["run"] == {"id": alert.run_id, "name": "sums"}
    assert datetime.fromisoformat(told["at"]) == alert.at
    assert told["url"].endswith(f"/runs/{alert.run_id}?tab=alerts")
    assert log() == [("sent", 1, "")]
    assert services.deliver_due(now=timezone.now() + timedelta(days=1)) == 0


def test_a_failed_try_is_repeated_later_and_later(
    webhook: Target, receiver: Receiver, raise_alert: Callable[[], Alert]
) -> None:
    receiver.answers[:] = [500, 503, 429]
    raise_alert()
    assert deliver_until_nothing_is_due() == PAUSES[:3]
    assert log() == [("sent", 4, "")]
    assert len(receiver.requests) == 4


def test_it_gives_up_and_keeps_the_log(
    webhook: Target,
    receiver: Receiver,
    raise_alert: Callable[[], Alert],
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answers[:] = [500] * 50
    raise_alert()
    assert deliver_until_nothing_is_due() == PAUSES
    assert log() == [("failed", MOST_TRIES, "Answered 500.")]
    assert len(receiver.requests) == MOST_TRIES
    assert SECRET not in caplog.text
    assert receiver.url not in caplog.text


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (404, "Answered 404."),
        (302, "Answered 302: redirects are not followed."),
        (307, "Answered 307: redirects are not followed."),
    ],
)
def test_an_answer_that_will_not_change_ends_it(
    webhook: Target,
    receiver: Receiver,
    raise_alert: Callable[[], Alert],
    status: int,
    says: str,
) -> None:
    receiver.answers[:] = [status]
    raise_alert()
    assert deliver_until_nothing_is_due() == []
    assert log() == [("failed", 1, says)]
    assert len(receiver.requests) == 1


def test_slack_gets_text_without_markup_of_its_own(
    project: Project, receiver: Receiver, journal: Journal, make_rule: MakeRule
) -> None:
    fields = {"name": "channel", "kind": "slack", "address": receiver.url}
    services.create_target(project=project, fields=fields)
    make_rule(name="<!channel> & co")
    journal.values("kl/mean", 2)
    services.deliver_due()
    ((_, headers, body),) = receiver.requests
    told = json.loads(body)
    run_id = journal.attempt.run_id
    assert set(told) == {"text"}
    assert told["text"].startswith(f"sums · #{run_id}: &lt;!channel&gt; &amp; co. kl/mean is above")
    assert f"/runs/{run_id}?tab=alerts" in told["text"]
    assert "X-R1web-Signature" not in headers


def test_mail_is_sent(
    project: Project, settings: Settings, raise_alert: Callable[[], Alert]
) -> None:
    settings.R1WEB_EMAIL_URL = "smtp://127.0.0.1:1"  # Django's tests keep mail in memory
    fields = {"name": "olga", "kind": "email", "address": "olga@example.org"}
    services.create_target(project=project, fields=fields)
    alert = raise_alert()
    services.deliver_due()
    (message,) = mail.outbox
    assert message.to == ["olga@example.org"]
    assert message.subject == f"[r1web] sums · #{alert.run_id}: A"
    assert alert.message in message.body
    assert log() == [("sent", 1, "")]


def test_a_mail_server_that_is_away_is_asked_again(
    project: Project, settings: Settings, raise_alert: Callable[[], Alert]
) -> None:
    settings.R1WEB_EMAIL_URL = "smtp://127.0.0.1:1"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    fields = {"name": "olga", "kind": "email", "address": "olga@example.org"}
    services.create_target(project=project, fields=fields)
    raise_alert()
    services.deliver_due()
    assert log() == [("pending", 1, "The mail server did not take it: ConnectionRefusedError.")]


def test_targets_of_others_and_those_switched_off_get_nothing(
    webhook: Target, receiver: Receiver, raise_alert: Callable[[], Alert]
) -> None:
    elsewhere = Project.objects.create(slug="elsewhere", name="Elsewhere")
    Target.objects.create(project=elsewhere, name="theirs", kind="slack", address=receiver.url)
    services.edit_target(target=webhook, changes={"enabled": False})
    raise_alert()
    assert (Alert.objects.count(), log()) == (1, [])


def test_a_target_that_was_deleted_meanwhile_leaves_the_log(
    webhook: Target, receiver: Receiver, raise_alert: Callable[[], Alert]
) -> None:
    raise_alert()
    services.delete_target(target=webhook)
    services.deliver_due()
    assert log() == [("failed", 1, "The target was deleted or switched off.")]
    assert Delivery.objects.get().target_name == "pager"
    assert receiver.requests == []


def test_a_target_is_tested_once_and_at_once(
    webhook: Target, receiver: Receiver, api: Api, project: Project
) -> None:
    path = f"/alert-targets/{webhook.pk}/test"
    services.edit_target(target=webhook, changes={"enabled": False})  # not in use yet
    made = api.post(path)
    assert made.status_code == 201
    assert services.deliver_due() == 1
    ((_, headers, body),) = receiver.requests
    told = json.loads(body)
    assert (told["alert"], told["run"], told["project"]) == (None, None, "sums")
    assert told["message"] == "This is a test of the target “pager”: it works."
    assert "X-R1web-Signature" in headers
    (listed,) = api.get("/projects/sums/alert-deliveries").json()["items"]
    assert (listed["status"], listed["alert"], listed["rule_name"]) == ("sent", None, None)


def test_a_test_that_fails_says_so_and_is_not_repeated(
    webhook: Target, receiver: Receiver, api: Api
) -> None:
    receiver.answers[:] = [503]
    api.post(f"/alert-targets/{webhook.pk}/test")
    assert deliver_until_nothing_is_due() == []
    assert log() == [("failed", 1, "Answered 503.")]


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_it_once(
    webhook: Target, receiver: Receiver, raise_alert: Callable[[], Alert]
) -> None:
    raise_alert()
    together = threading.Barrier(3)

    def work() -> None:
        together.wait()
        services.deliver_due()
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.requests) == 1
    assert log() == [("sent", 1, "")]


FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "localhost", "[::1]", "0.0.0.0", "[::]", "169.254.169.254",
    "169.254.1.1", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "224.0.0.1", "2130706433",
    "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]",
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
def test_what_only_this_machine_may_reach_is_refused(
    host: str, receiver: Receiver, settings: Settings
) -> None:
    settings.R1WEB_WEBHOOK_LOOPBACK = False
    port = receiver.url.rsplit(":", 1)[1]
    with pytest.raises(SendError) as refused:
        post(f"http://{host}:{port}", b"{}", {})
    assert refused.value.final
    assert receiver.requests == []


def test_the_setting_lets_loopback_through_and_nothing_else(receiver: Receiver) -> None:
    post(receiver.url, b"{}", {})
    for host in ("169.254.169.254", "[::ffff:169.254.169.254]", "0.0.0.0"):
        with pytest.raises(SendError):
            post(f"http://{host}/", b"{}", {})


@pytest.mark.parametrize("found", [["127.0.0.1", "169.254.169.254"], ["127.0.0.1"]])
def test_a_name_is_looked_up_once_and_every_address_of_it_counts(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
    lookups = [found]
    connect = socket.create_connection

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        addresses = lookups.pop()  # a second look at the name would fail
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in addresses]

    def connect_to(address: tuple[str, int], timeout: float) -> socket.socket:
        monkeypatch.undo()  # an address needs no looking up
        assert address == (found[0], port)
        return connect(address, timeout)

    monkeypatch.setattr(guarded.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(guarded.socket, "create_connection", connect_to)
    if len(found) == 1:
        post(f"http://rebound.example:{port}/x", b"{}", {})
        assert receiver.requests[0][1]["Host"] == f"rebound.example:{port}"
    else:
        with pytest.raises(SendError):
            post(f"http://rebound.example:{port}/x", b"{}", {})
        assert receiver.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/", "file:///etc/passwd", "https://", "example.org/hook", "http://[::1",
        "https://user:password@example.org/", "https://exämple.org/", "http://a b.example/",
        "http://example.org:port/", "http://example.org/\r\nX: y",
    ],
)  # fmt: skip
def test_only_plain_web_addresses_are_taken(address: str) -> None:
    with pytest.raises(SendError) as refused:
        post(address, b"", {})
    assert refused.value.final


@pytest.fixture
def dripping() -> Iterator[int]:
    """A port where somebody answers one byte at a time, for ever."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    while not over.wait(0.01):
                        peer.sendall(b"H")
                except OSError:
                    pass  # the caller has had enough

        thread = threading.Thread(target=drip)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_an_answer_that_drips_for_ever_is_cut_off(
    dripping: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.R1WEB_WEBHOOK_LOOPBACK = True
    monkeypatch.setattr(guarded, "WHOLE_S", 0.3)
    with pytest.raises(SendError) as failed:
        post(f"http://127.0.0.1:{dripping}/", b"{}", {})
    assert not failed.value.final


def test_a_host_without_the_right_certificate_gets_nothing(receiver: Receiver) -> None:
    with pytest.raises(SendError, match="No answer: SSL"):
        post(receiver.url.replace("http://", "https://"), b"{}", {})
    assert receiver.requests == []
    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED


def test_nobody_there_is_tried_again(settings: Settings) -> None:
    settings.R1WEB_WEBHOOK_LOOPBACK = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SendError) as failed:
        post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert (str(failed.value), failed.value.final) == ("No answer: ConnectionRefusedError.", False)
