"""The locks: complete, of one mind, and free of addresses."""

import importlib.util
import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
PIN = re.compile(r"[a-z0-9-]+==[0-9][a-z0-9.]*(; sys_platform [!=]= \"\w+\")?")
WORLDS = ("app", "train", "dev", "bench", "vllm", "trackers")


def lines(file: str) -> list[str]:
    text = (REQUIREMENTS / file).read_text()
    found = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in found if line]


def pins(world: str) -> dict[str, str]:
    return dict(line.split(";")[0].split("==") for line in lines(f"{world}.txt"))


@pytest.mark.parametrize("world", [*WORLDS, "node"])
def test_a_lock_holds_exact_versions_and_nothing_else(world: str) -> None:
    assert [line for line in lines(f"{world}.txt") if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("world", WORLDS)
def test_a_lock_pins_what_its_world_asks_for(world: str) -> None:
    asked = {re.split(r"[\[;= ]", line)[0].lower() for line in lines(f"{world}.in")}

    assert asked - pins(world).keys() == set()


def test_worlds_that_share_an_environment_agree() -> None:
    app, train, dev = pins("app"), pins("train"), pins("dev")

    for one, other in ((app, train), (app, dev), (train, dev)):
        assert {name for name in one.keys() & other.keys() if one[name] != other[name]} == set()


def test_torch_is_the_same_exact_release_everywhere() -> None:
    assert {pins(world)["torch"] for world in ("train", "bench", "vllm")} == {"2.13.0"}


def test_triton_is_the_release_that_torch_asks_for_on_a_gpu() -> None:
    # The lock is a constraint when torch's CUDA build is installed: another pin would stop it.
    assert pins("dev")["triton"] == "3.7.1"
    assert 'triton==3.7.1; sys_platform == "linux"' in lines("dev.txt")


def test_the_product_needs_nothing_that_only_compiles() -> None:
    assert "pycosat" not in pins("train")
    assert importlib.util.find_spec("reasoning_gym") is not None
