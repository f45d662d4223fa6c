"""docker-compose.yml says what the settings and the programs understand."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "web", "worker", "beat")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_the_services_of_the_design_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "redis", *OURS}


def test_nothing_listens_beyond_loopback(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_redis_never_evicts_what_is_queued(compose: dict[str, Any]) -> None:
    assert "noeviction" in compose["services"]["redis"]["command"]


def test_every_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }

    assert used == set(compose["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_its_environment_is_what_the_settings_read(compose: dict[str, Any], name: str) -> None:
    settings = "".join(path.read_text() for path in (ROOT / "r1web" / "settings").glob("*.py"))

    unread = [key for key in compose["services"][name]["environment"] if f'"{key}"' not in settings]

    assert unread == []


@pytest.mark.parametrize("name", OURS)
def test_its_command_names_what_exists(compose: dict[str, Any], name: str) -> None:
    python, *words = compose["services"][name]["command"]

    assert python == "python"
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1]) is not None
    else:
        assert (ROOT / words[0]).is_file()
