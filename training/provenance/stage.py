"""What a stage tells of itself when an attempt begins it or goes on with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.base_models import is_shipped
from training.config import RunConfig
from training.config.presets import digest
from training.distributed.process import Process
from training.events import Decontamination, Environment, Overlap, Stretch
from training.provenance.cards import cards_of, corpus_card
from training.provenance.environment import environment
from training.provenance.lineage import checkpoint_origin, origin_of
from training.setup import Setup
from training.tasks.decontamination import LeftOut

EXAMPLES = 20
"""Of what was left out, how many are told; decontamination.json has more."""


def provenance(
    setup: Setup, whole: RunConfig, data: Mapping[str, Path], process: Process
) -> dict[str, Any] | None:
    """The fields of the stage's `provenance` event, on rank 0; the others have None. `whole` is the
    run's config, `data` the files that the stage learns from. All ranks call it together."""
    here = environment(process)
    if here is None:
        return None
    cards = cards_of(setup.config, setup.planned, data)
    if is_shipped(setup.source):
        cards.append(corpus_card(setup.source.name))
    return {
        "resumed": setup.start is not None,
        "stretch": _stretch(setup, whole, here, [card.id for card in cards]),
        "datasets": cards,
        "decontamination": _decontamination(setup.left_out, setup.config),
    }


def _stretch(setup: Setup, whole: RunConfig, here: Environment, datasets: list[str]) -> Stretch:
    start = setup.start
    return Stretch(
        stage=setup.planned.name, after_step=setup.planned.before + setup.step,
        digest=digest(whole), environment=here, datasets=datasets,
        parent=origin_of(setup.source) if start is None else checkpoint_origin(start.path),
    )  # fmt: skip


def _decontamination(found: LeftOut | None, config: RunConfig) -> Decontamination | None:
    ngram = config.evaluation.decontaminate
    if found is None or ngram is None:
        return None
    return Decontamination(
        ngram=ngram, problems=found.problems, left_out=found.count,
        examples=[Overlap(**match._asdict()) for match in found.examples[:EXAMPLES]],
    )  # fmt: skip
