"""Advantages, loss and gradient are TRL's, by its own code; tests/training/grpo/trl_worker.py."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import TRL
from tests.training.grpo.trl_worker import cases
from tests.training.jobs import ROOT, run_ranks

WORKER = Path(__file__).with_name("trl_worker.py")
Side = list[torch.Tensor]


@pytest.fixture(scope="module", params=[1, 2], ids=["one_process", "two_processes"])
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a job of one or two gloo processes has found."""
    out = tmp_path_factory.mktemp("trl") / "found.pt"
    run_ranks([str(WORKER), str(out)], request.param)
    found: dict[str, Any] = torch.load(out)
    return found


@pytest.fixture
def both(job: dict[str, Any]) -> list[tuple[Side, Side]]:
    """What TRL and what we make of each case."""
    sides: list[tuple[Side, Side]] = job["sides"]
    return sides


def table(page: str, columns: int) -> list[list[str]]:
    """The names in the first columns of a page's rows."""
    rows = [line.split("|")[1:] for line in page.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", cell) for row in rows for cell in row[:columns]]


@pytest.mark.timeout(600)
def test_advantages_loss_and_gradient_are_trls(both: list[tuple[Side, Side]]) -> None:
    for case, (theirs, ours) in zip(cases(), both, strict=True):
        for what, wanted, found in zip(
            ("advantages", "loss", "gradient"), theirs, ours, strict=True
        ):
            assert wanted.any(), (case, what)
            torch.testing.assert_close(
                found, wanted, atol=TRL, rtol=0, msg=lambda text, at=(case, what): f"{at}: {text}"
            )


def test_the_cases_differ(both: list[tuple[Side, Side]]) -> None:
    # A setting that did not reach TRL would leave two cases with the same gradient.
    alike = {}
    for (variant, scale, correction, accumulation), (theirs, _) in zip(cases(), both, strict=True):
        if accumulation == 1:
            alike[variant, scale, correction] = theirs[2]
    names = list(alike)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            assert not torch.allclose(alike[first], alike[second], atol=TRL), (first, second)


def test_every_metric_of_trls_has_its_row_and_every_counterpart_is_ours(
    job: dict[str, Any],
) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    cells = table(page, 2)
    theirs = {name for cell in cells[::2] for name in cell}
    logged = {re.sub(r"^rewards/\w+/", "rewards/NAME/", name) for name in job["metrics"]}
    assert len(logged) > 20
    assert logged - theirs == set()
    ours = {name for cell in cells[1::2] for name in cell} - {"time/…", "eval/…"}
    described = {
        name for cell in table((ROOT / "docs" / "training.md").read_text(), 1) for name in cell
    }
    described |= {"reward/NAME", "reward/NAME_std"}
    assert ours - described == set()
