"""Which process is which."""

import os

import psutil
import pytest

from r1web.processes import is_alive, since_boot


def test_setting_the_clock_makes_no_process_another(monkeypatch: pytest.MonkeyPatch) -> None:
    me = psutil.Process()
    created = since_boot(me)
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted - 3600.0)
    assert psutil.Process().create_time() < me.create_time() - 3000
    assert is_alive(os.getpid(), created)


def test_a_number_that_is_used_again_is_another_process() -> None:
    me = psutil.Process()
    assert not is_alive(os.getpid(), since_boot(me) - 1)
    assert not is_alive(os.getpid(), me.create_time() - 60)


def test_a_process_that_an_earlier_release_noted_is_known() -> None:
    assert is_alive(os.getpid(), psutil.Process().create_time())
