"""docker-compose.yml says what the settings and the programs understand."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "web", "scheduler", "worker", "worker-gpu")
SERVERS = {"postgres", "redis", "web", "scheduler", "worker", "worker-gpu"}


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


@pytest.mark.parametrize("name", OURS)
def test_ours_can_write_to_their_data_and_nothing_else(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/data"]


def test_all_that_stays_up_is_checked_for_health(compose: dict[str, Any]) -> None:
    services = compose["services"].items()

    assert {name for name, service in services if "healthcheck" in service} == SERVERS
    assert all(service["restart"] == "unless-stopped" for name, service in services
               if name in SERVERS)  # fmt: skip


def test_secrets_are_files_and_stand_in_no_environment(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        named = [key for key in service.get("environment", {}) if re.search("PASSWORD|SECRET", key)]

        assert all(key.endswith("_FILE") for key in named)
        assert set(service.get("secrets", [])) <= set(compose["secrets"])


def test_images_are_pinned_and_the_image_is_not_run_as_root(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = [
        service["image"] for service in compose["services"].values() if "build" not in service
    ]
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert all(re.search(r":\d+\.\d+(\.\d+)?-\w+", image) for image in images + bases)
    assert "USER 1000" in dockerfile


def test_hadolint_finds_nothing_to_say_of_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    found = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout) == (0, "")


def test_it_is_what_the_compose_specification_asks_for() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")

    ran = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout


def test_every_service_has_a_limit_of_memory(compose: dict[str, Any]) -> None:
    assert [
        name for name, service in compose["services"].items() if "mem_limit" not in service
    ] == []


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

    set_here = compose["services"][name]["environment"].keys() - {"HOME"}
    unread = [key for key in set_here if f'"{key}"' not in settings]

    assert unread == []


@pytest.mark.parametrize("name", OURS)
def test_its_command_names_what_exists(compose: dict[str, Any], name: str) -> None:
    python, *words = compose["services"][name]["command"]

    assert python == "python"
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1]) is not None
    else:
        assert (ROOT / words[0]).is_file()
