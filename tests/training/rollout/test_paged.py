"""The GPU's decoder, run through its kernels' references, against the CPU's and the trainer's."""

from dataclasses import replace

import pytest
import torch

from kernels.latent_cache import PAGE
from tests.tolerance import ABSOLUTE
from tests.training.model.random_models import build
from tests.training.rollout.asking import sample
from tests.training.rollout.trainer import trainer_logprobs
from training.model import ModelConfig, Transformer
from training.rollout import Completion, NativeEngine
from training.rollout.decoder import Decoder
from training.rollout.paged import PagedCache, PagedLayers
from training.rollout.prefill import Beginning, read

PROMPTS = [[5, 6, 7, 8], [9], list(range(PAGE - 2))]


@pytest.fixture
def model(config: ModelConfig) -> Transformer:
    return build(replace(config, num_nextn_predict_layers=1))


def _cache(model: Transformer, rows: int, tokens: int) -> PagedCache:
    config = model.config
    width = config.kv_lora_rank + config.qk_rope_head_dim
    return PagedCache(rows, config.num_hidden_layers, width, model.head.weight.detach(), tokens)


def _sample(
    model: Transformer, *, paged: bool, speculative: bool, eos_id: int | None
) -> list[Completion]:
    engine = NativeEngine(model, speculative=speculative)
    engine.paged = paged
    return sample(
        engine, PROMPTS, group_size=12, max_new_tokens=40, temperature=1.3, top_p=0.95, seed=3,
        eos_id=eos_id,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("q_lora_rank", [None, 16])
def test_logits_equal_the_whole_forward(
    config: ModelConfig, q_lora_rank: int | None, dtype: torch.dtype
) -> None:
    """Two tokens of each sequence at a time, across a page's end, against the training forward.

    In bf16 with all experts at work: rounding may choose another where two score alike.
    """
    if dtype == torch.bfloat16:
        config = replace(config, n_group=1, topk_group=1, num_experts_per_tok=8)
    model = build(replace(config, q_lora_rank=q_lora_rank)).to(dtype)
    generator = torch.Generator().manual_seed(0)
    rows_BT = torch.randint(0, config.vocab_size, (3, PAGE + 6), generator=generator)
    start = PAGE - 4
    with torch.inference_mode():
        cache = _cache(model, rows=3, tokens=PAGE + 6)
        texts = read(model, rows_BT[:, :start].tolist())
        cache.place([(text.caches[0], torch.tensor([row])) for row, text in enumerate(texts)])
        decoder = Decoder(model, PagedLayers)
        for place in range(start, PAGE + 6, 2):
            positions_BS = torch.arange(place, place + 2).expand(3, 2)
            hidden_ND = decoder.step(rows_BT[:, place : place + 2], positions_BS, cache)
            ours_BSV = model.logits(hidden_ND).unflatten(0, (3, 2)).float()
            expected_BSV = model.logits(model(rows_BT[:, : place + 2])[:, -2:]).float()
            torch.testing.assert_close(ours_BSV, expected_BSV, atol=ABSOLUTE[dtype], rtol=0)


@pytest.mark.parametrize("speculative", [False, True])
@pytest.mark.parametrize("eos_id", [None, 3])
def test_completions_equal_those_of_the_cpus_decoder(
    model: Transformer, speculative: bool, eos_id: int | None
) -> None:
    paged = _sample(model, paged=True, speculative=speculative, eos_id=eos_id)
    plain = _sample(model, paged=False, speculative=speculative, eos_id=eos_id)
    assert [each.tokens for each in paged] == [each.tokens for each in plain]
    sampled = torch.tensor([x for each in paged for x in each.logprobs])
    expected = trainer_logprobs(model, PROMPTS, paged, 12, 1.3)
    torch.testing.assert_close(sampled, expected, atol=1e-5, rtol=0)


def _place(cache: PagedCache, *groups: tuple[Beginning, list[int]]) -> None:
    cache.place([(text.caches[0], torch.tensor(rows)) for text, rows in groups])


def test_a_group_shares_the_pages_that_its_prompt_fills(model: Transformer) -> None:
    long, short = read(model, [[3] * (2 * PAGE + 5), [4] * 9])
    cache = _cache(model, rows=4, tokens=3 * PAGE)
    _place(cache, (long, [0, 1]), (short, [2]))
    _place(cache, (short, [3]))
    table_BP = cache.table_BP
    assert torch.equal(table_BP[0, :2], table_BP[1, :2])
    assert table_BP.unique().numel() == 2 + 2 * 1 + 2 * 3
    for row, text in ((0, long), (1, long), (2, short), (3, short)):
        for layer_PTX, latents_TX in zip(cache.layers, text.caches[0], strict=True):
            held_TX = layer_PTX[table_BP[row].long()].flatten(0, 1)
            assert torch.equal(held_TX[: len(latents_TX)], latents_TX)


def test_pages_go_back_with_the_last_row_that_reads_them(model: Transformer) -> None:
    first, second = read(model, [[3] * (2 * PAGE + 5), [4] * (PAGE + 1)])
    cache = _cache(model, rows=3, tokens=3 * PAGE)
    _place(cache, (first, [0, 1, 2]))
    shared = cache.table_BP[0, :2].tolist()
    _place(cache, (second, [0, 1]))
    assert [cache.readers[page] for page in shared] == [1, 1]  # row 2 alone still reads them
    _place(cache, (second, [2]))
    assert sum(map(bool, cache.readers)) == cache.table_BP.unique().numel() == 1 + 3 * 2
    again, other = read(model, [[5] * (2 * PAGE + 1), [6] * 3])
    for _ in range(5):
        _place(cache, (again, [0, 1, 2]))
        _place(cache, (other, [2, 0, 1]))
    assert len(cache.readers) <= 3 * 3 + 2  # what runs at the same time, and the latest prompt
    cache.keep(torch.tensor([2]))
    assert sum(map(bool, cache.readers)) == cache.table_BP.numel() == 3
