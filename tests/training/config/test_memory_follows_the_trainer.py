"""The calculator may not import torch, so it repeats sizes of the trainer's: these are the same."""

from kernels import buckets, latent_cache, linear_logprob, rms_norm
from training.config.memory import microbatch, phases
from training.model import packing
from training.rollout import cache, decoder


def test_sizes_are_those_of_the_trainer() -> None:
    assert microbatch.CHUNK_ELEMENTS == linear_logprob.CHUNK_ELEMENTS
    assert microbatch.CHUNK_ROWS == linear_logprob.CHUNK_ROWS
    assert microbatch.SMALL_NORM == rms_norm.SMALL
    assert microbatch.TIME_MULTIPLE == packing.TIME_MULTIPLE
    assert phases.COLUMN_STEP == cache.COLUMN_STEP
    assert phases.PAGE == latent_cache.PAGE
    assert phases.FEW_EXPERTS == decoder.FEW
    counts = range(1, 5000, 7)
    assert [*map(microbatch.bucket, counts)] == [*map(buckets.bucket, counts)]
