"""The calculator may not import torch, so it repeats sizes of the trainer's: these are the same."""

import math
from types import SimpleNamespace

import pytest

from kernels import buckets, latent_cache, linear_logprob, rms_norm
from training.config.memory import microbatch, phases
from training.model import packing
from training.rollout import cache, decoder


def test_sizes_are_those_of_the_trainer() -> None:
    assert microbatch.CHUNK_ELEMENTS == linear_logprob.CHUNK_ELEMENTS
    assert microbatch.CHUNK_ROWS == linear_logprob.CHUNK_ROWS
    assert microbatch.GRADIENT_ELEMENTS == linear_logprob.GRADIENT_ELEMENTS
    assert microbatch.TILE_COLUMNS == linear_logprob.TILE_V
    assert microbatch.SMALL_NORM == rms_norm.SMALL
    assert microbatch.TIME_MULTIPLE == packing.TIME_MULTIPLE
    assert phases.COLUMN_STEP == cache.COLUMN_STEP
    assert phases.PAGE == latent_cache.PAGE
    assert phases.FEW_EXPERTS == decoder.FEW
    counts = range(1, 5000, 7)
    assert [*map(microbatch.bucket, counts)] == [*map(buckets.bucket, counts)]


def test_gradients_of_the_logits_are_as_many_as_the_kernels_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Triton is not there on every machine that runs these tests.
    cdiv = SimpleNamespace(cdiv=lambda a, b: math.ceil(a / b))
    monkeypatch.setattr(linear_logprob, "triton", cdiv)
    for positions in (1, 100, 4096, 100_000, 1 << 21):
        for vocabulary in (100, 512, 32_000, 129_280):
            columns = linear_logprob._columns.__wrapped__(positions, vocabulary)
            assert microbatch.gradient_columns(positions, vocabulary) == columns
