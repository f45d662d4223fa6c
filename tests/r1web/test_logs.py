"""Log lines say which request, run and attempt they belong to."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from r1web.logs import AddContext, JsonFormatter, about


def line(message: str, *args: Any, error: Exception | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("r1web.x", logging.WARNING, "x.py", 1, message, args, info)
    AddContext().filter(record)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_is_one_object_with_the_ids_around_it() -> None:
    with about(run=3), about(attempt=4):
        inside = line("Attempt %s\nends", 4)
    assert (inside["run"], inside["attempt"], inside["level"]) == (3, 4, "WARNING")
    assert (inside["logger"], inside["message"]) == ("r1web.x", "Attempt 4\nends")
    assert inside["time"].endswith("+00:00")
    assert "run" not in line("outside")


def test_an_exception_comes_along() -> None:
    with pytest.raises(ValueError, match="no such thing") as raised:
        int("no such thing")
    assert "ValueError: invalid literal" in line("failed", error=raised.value)["error"]


@pytest.mark.parametrize("given", ["abc-1.2_3", "a" * 64])
def test_an_id_that_the_proxy_gave_is_kept(db: None, given: str) -> None:
    assert Client().get("/api/v1/health/live", headers={"X-Request-ID": given})["X-Request-ID"] == (
        given
    )


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", "é"])
def test_any_other_gets_one_of_ours(db: None, given: str) -> None:
    answer = Client().get("/api/v1/health/live", headers={"X-Request-ID": given})
    assert len(answer["X-Request-ID"]) == 32
    assert answer["X-Request-ID"] != given


def test_what_a_request_logs_bears_its_id(
    db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.handler.addFilter(AddContext())
    monkeypatch.setattr(django_settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    Client().get("/api/v1/health/ready", headers={"X-Request-ID": "mine"})
    said = [record for record in caplog.records if "broker does not answer" in record.getMessage()]
    assert [record.ids for record in said] == [{"request": "mine"}]


def said_by(program: str, **env: str) -> str:
    """What a process with our settings writes to its log, after uvicorn set up its own."""
    begin = "import logging, uvicorn; uvicorn.Config('app', access_log=False); "
    ended = subprocess.run(
        [sys.executable, "-c", f"{begin} import django; django.setup(); {program}"],
        cwd=django_settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "r1web.settings.test", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stderr


def test_the_setting_makes_every_line_json() -> None:
    said = said_by("logging.getLogger('uvicorn.error').warning('hm')", R1WEB_LOG_FORMAT="json")
    assert json.loads(said)["message"] == "hm"


def test_addresses_are_not_logged() -> None:
    """They may hold a one-time secret. uvicorn logs no access when no handler would hear it."""
    assert said_by("assert not logging.getLogger('uvicorn.access').hasHandlers()") == ""
