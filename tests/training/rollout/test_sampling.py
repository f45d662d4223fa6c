import pytest
import torch

from training.rollout.sampling import draw, noise

LOGITS_V = torch.tensor([2.0, 1.0, 0.0, -1.0, -torch.inf, 0.5])
DRAWS = 20_000


def _frequencies(temperature: float, top_p: float) -> torch.Tensor:
    noise_B = noise(DRAWS, 1, seed=0)[0]
    tokens_B, _ = draw(LOGITS_V.expand(DRAWS, -1), noise_B, temperature, top_p)
    return torch.bincount(tokens_B, minlength=len(LOGITS_V)).double()


def _chi_square(counts_V: torch.Tensor, p_V: torch.Tensor) -> float:
    possible = p_V > 0
    assert not counts_V[~possible].any()
    expected_V = p_V[possible].double() * DRAWS
    return float(((counts_V[possible] - expected_V) ** 2 / expected_V).sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_follow_the_softmax(temperature: float) -> None:
    p_V = (LOGITS_V.double() / temperature).softmax(-1)
    # 18.5: the 0.1 % point of chi-square with 4 degrees of freedom.
    assert _chi_square(_frequencies(temperature, 1.0), p_V) < 18.5


def test_top_p_keeps_the_smallest_sufficient_set() -> None:
    p_V = LOGITS_V.double().softmax(-1)
    kept_V = torch.where(torch.tensor([1, 1, 0, 0, 0, 1]).bool(), p_V, 0.0)
    assert p_V[:2].sum() < 0.85 <= kept_V.sum()
    assert _chi_square(_frequencies(1.0, 0.85), kept_V / kept_V.sum()) < 13.8  # 2 degrees


def test_logprobs_are_those_before_top_p() -> None:
    noise_B = noise(64, 1, seed=1)[0]
    tokens_B, logprobs_B = draw(LOGITS_V.expand(64, -1), noise_B, 0.7, 0.5)
    torch.testing.assert_close(logprobs_B, (LOGITS_V / 0.7).log_softmax(-1)[tokens_B])


def test_temperature_zero_takes_the_likeliest() -> None:
    tokens_B, logprobs_B = draw(LOGITS_V.expand(9, -1), noise(9, 1, seed=0)[0], 0.0, 1.0)
    assert tokens_B.tolist() == [0] * 9
    torch.testing.assert_close(logprobs_B, LOGITS_V.log_softmax(-1)[[0] * 9])


def test_the_ends_of_the_noise_pick_tokens_that_are_possible() -> None:
    logits_BV = torch.tensor([[-torch.inf, 0.0, -torch.inf], [0.0, 0.0, -torch.inf]])
    edge = 1 - 2**-53
    for value, expected in ((0.0, [1, 0]), (edge, [1, 1])):
        tokens_B, _ = draw(logits_BV, torch.full((2,), value, dtype=torch.float64), 1.0, 1.0)
        assert tokens_B.tolist() == expected


def test_a_sequence_draws_the_same_noise_whatever_runs_beside_it() -> None:
    assert torch.equal(noise(3, 5, seed=4)[:, :2], noise(2, 5, seed=4))
