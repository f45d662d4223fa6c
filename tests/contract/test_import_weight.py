"""What a fresh interpreter loads: the rules that no static check can prove."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "deepspeed", "transformers"}


def loaded_by(statement: str, home: Path) -> set[str]:
    """Top-level modules in a fresh interpreter after `statement`."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "r1web.settings.test",
            "R1WEB_HOME": str(home),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("module", ["training.config", "training.events"])
def test_the_wire_loads_the_standard_library_and_pydantic_only(module: str, tmp_path: Path) -> None:
    loaded = loaded_by(f"import {module}", tmp_path)

    assert not loaded & (HEAVY | {"django", "r1web", "kernels", "numpy"})


@pytest.mark.parametrize("module", ["training.rewards.worker", "training.tasks"])
def test_a_reward_worker_starts_without_torch(module: str, tmp_path: Path) -> None:
    loaded = loaded_by(
        f"import {module}\n"
        "from training.config import ReasoningGymConfig; from training.tasks import build_task\n"
        "build_task(ReasoningGymConfig())",
        tmp_path,
    )

    assert not loaded & (HEAVY | {"numpy", "django", "r1web", "kernels"})


def test_the_web_process_never_loads_torch(tmp_path: Path) -> None:
    loaded = loaded_by("import r1web.asgi", tmp_path)

    assert {"django", "channels"} <= loaded
    assert not loaded & (HEAVY | {"kernels"})


def test_the_celery_worker_never_loads_torch(tmp_path: Path) -> None:
    loaded = loaded_by(
        "import django; django.setup()\n"
        "from r1web.celery import app; app.loader.import_default_modules()",
        tmp_path,
    )

    assert {"django", "celery"} <= loaded
    assert not loaded & (HEAVY | {"kernels"})
