"""What a worker stands for that submits runs, from the environment."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from r1web.settings import submission


def test_a_worker_starts_runs_itself_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("R1WEB_SUBMIT_TO", raising=False)
    assert submission.read().to == "machine"


def test_a_site_is_read_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    template = tmp_path / "site.sh.j2"
    template.touch()
    told = {
        "TO": "slurm",
        "TEMPLATE": str(template),
        "NODES": "4",
        "GPUS_PER_NODE": "8",
        "GPU_MODEL": "NVIDIA H200",
        "GPU_MEMORY_GB": "141",
        "NATIVE_FP8": "1",
        "CPUS_PER_NODE": "96",
    }
    for name, value in told.items():
        monkeypatch.setenv(f"R1WEB_SUBMIT_{name}", value)
    expected = submission.Submission("slurm", template, 4, 8, "NVIDIA H200", 141, True, 96)
    assert submission.read() == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("TO", "pbs"), ("TEMPLATE", ""), ("TEMPLATE", "/not/there"), ("NODES", "none")],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("R1WEB_SUBMIT_TO", "slurm")
    monkeypatch.setenv("R1WEB_SUBMIT_TEMPLATE", __file__)
    monkeypatch.setenv(f"R1WEB_SUBMIT_{name}", value)
    with pytest.raises(ImproperlyConfigured, match=f"R1WEB_SUBMIT_{name}"):
        submission.read()
