import pytest
import torch

from training.rollout.sampling import ACCEPT, DRAW, GUESS, draw, noise, noise_keys

LOGITS_V = torch.tensor([2.0, 1.0, 0.0, -1.0, -torch.inf, 0.5])
DRAWS = 20_000


def uniform(count: int) -> torch.Tensor:
    return noise(noise_keys([0], count), 0)


def _frequencies(temperature: float, top_p: float) -> torch.Tensor:
    noise_B = uniform(DRAWS)
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
    noise_B = uniform(64)
    tokens_B, logprobs_B = draw(LOGITS_V.expand(64, -1), noise_B, 0.7, 0.5)
    torch.testing.assert_close(logprobs_B, (LOGITS_V / 0.7).log_softmax(-1)[tokens_B])


def test_temperature_zero_takes_the_likeliest() -> None:
    tokens_B, logprobs_B = draw(LOGITS_V.expand(9, -1), uniform(9), 0.0, 1.0)
    assert tokens_B.tolist() == [0] * 9
    torch.testing.assert_close(logprobs_B, LOGITS_V.log_softmax(-1)[[0] * 9])


def test_the_ends_of_the_noise_pick_tokens_that_are_possible() -> None:
    logits_BV = torch.tensor([[-torch.inf, 0.0, -torch.inf], [0.0, 0.0, -torch.inf]])
    edge = 1 - 2**-53
    for value, expected in ((0.0, [1, 0]), (edge, [1, 1])):
        tokens_B, _ = draw(logits_BV, torch.full((2,), value, dtype=torch.float64), 1.0, 1.0)
        assert tokens_B.tolist() == expected


def test_noise_follows_from_the_prompts_seed_the_member_and_the_token() -> None:
    keys_B = noise_keys([4, 9, 2**63 - 1], 5)
    assert torch.equal(noise_keys([9], 5), keys_B[5:10])
    assert torch.equal(noise_keys([4], 2), keys_B[:2])
    numbers_TB = torch.stack([noise(keys_B, token) for token in range(7)])
    mixed_B = noise(keys_B, torch.arange(15) % 7)
    assert torch.equal(mixed_B, numbers_TB[torch.arange(15) % 7, torch.arange(15)])
    assert numbers_TB.unique().numel() == 7 * 15


def test_noise_is_uniform_along_seeds_members_tokens_and_uses() -> None:
    """Sixteenths of [0, 1) by chi-square with 15 degrees of freedom (44.3: the 0.01 % point), and
    no number tells the next."""
    ways = [
        noise(noise_keys(list(range(DRAWS)), 1), 0),
        noise(noise_keys([3], DRAWS), 5),
        noise(noise_keys([3], 1), torch.arange(DRAWS)),
        noise(noise_keys([3], 1), torch.arange(DRAWS), GUESS),
    ]
    for numbers_N in ways:
        assert 0 <= numbers_N.min() < numbers_N.max() < 1
        counts_N = (numbers_N * 16).long().bincount(minlength=16)
        assert float(((counts_N - DRAWS / 16) ** 2 / (DRAWS / 16)).sum()) < 44.3
        pairs_N = (numbers_N[1:] * 4).long() * 4 + (numbers_N[:-1] * 4).long()
        counts_N = pairs_N.bincount(minlength=16)
        assert float(((counts_N - DRAWS / 16) ** 2 / (DRAWS / 16)).sum()) < 44.3
    uses = [noise(noise_keys([3], DRAWS), 0, use) for use in (DRAW, GUESS, ACCEPT)]
    assert torch.corrcoef(torch.stack(uses)).triu(1).abs().max() < 4 / DRAWS**0.5
