"""Reward models: which pairs they learn from, by what loss, and that others can open them."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification

from tests.training.other_models import network
from tests.training.pipeline.groups import group_of
from training.model import policy
from training.model.causal_lm import CausalLM
from training.model.value import ValueModel, save
from training.preference.loss import bradley_terry, score_gradients
from training.preference.pairs import pair_of

TOKENS_BT = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 9, 0, 0], [1, 0, 0, 0, 0]])
MASK_BT = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]).bool()


def test_the_pair_is_the_one_whose_lengths_differ_least() -> None:
    group = group_of(["a"] * 4, [2.0, 0.0, 1.0, None], [9, 2, 8, 9])
    assert pair_of(group, 1.0) == (0, 2)
    assert pair_of(group, 1.5) == (0, 1)
    assert pair_of(group, 2.5) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=2, max_size=8))
def test_a_pair_has_the_gap_and_no_other_is_closer_in_length(
    drawn: list[tuple[int, int]],
) -> None:
    totals, lengths = [float(total) for total, _ in drawn], [length for _, length in drawn]
    found = pair_of(group_of(["a"] * len(drawn), list(totals), lengths), 2.0)
    numbers = range(len(drawn))
    fit = [(b, w) for b in numbers for w in numbers if totals[b] - totals[w] >= 2]
    assert (found is None) == (not fit)
    if found is not None:
        assert tuple(found) in fit
        difference = abs(lengths[found.better] - lengths[found.worse])
        assert difference == min(abs(lengths[b] - lengths[w]) for b, w in fit)


def test_the_slopes_are_the_derivative_of_the_loss() -> None:
    torch.manual_seed(0)
    better_P, worse_P = torch.randn(2, 50, dtype=torch.float64, requires_grad=True) * 4
    better_P.retain_grad(), worse_P.retain_grad()
    bradley_terry(better_P, worse_P).sum().backward()
    exact = -(better_P - worse_P).sigmoid().log()
    torch.testing.assert_close(bradley_terry(better_P, worse_P), exact)
    slopes = score_gradients(better_P, worse_P)
    torch.testing.assert_close(slopes, (better_P.grad, worse_P.grad))


def trunk(kind: str, tiny_model: Path) -> policy.Policy:
    return CausalLM(network("llama")) if kind == "llama" else policy.load(tiny_model)


@pytest.mark.parametrize("kind", ["deepseek", "llama"])
def test_transformers_opens_what_is_saved_and_gives_the_same_scores(
    kind: str, tiny_model: Path, tmp_path: Path
) -> None:
    model = ValueModel(trunk(kind, tiny_model)).eval()
    with torch.no_grad():
        model.score.weight.normal_()
        ours_B = model(TOKENS_BT, MASK_BT)
    save(model, tmp_path / "model", tiny_model)
    theirs, told = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "model", output_loading_info=True
    )
    assert not told["missing_keys"]
    assert theirs.config.num_labels == 1
    theirs.config.get_text_config().pad_token_id = 0
    with torch.no_grad():
        found_B = theirs.eval()(input_ids=TOKENS_BT, attention_mask=MASK_BT.long()).logits[:, 0]
    torch.testing.assert_close(ours_B, found_B.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["deepseek", "llama"])
def test_padding_changes_no_score(kind: str, tiny_model: Path) -> None:
    model = ValueModel(trunk(kind, tiny_model)).eval()
    with torch.no_grad():
        model.score.weight.normal_()
        together_B = model(TOKENS_BT, MASK_BT)
        for row, count in enumerate(MASK_BT.sum(1).tolist()):
            alone_B = model(TOKENS_BT[row : row + 1, :count], MASK_BT[row : row + 1, :count])
            torch.testing.assert_close(alone_B[0], together_B[row], atol=1e-5, rtol=1e-4)
