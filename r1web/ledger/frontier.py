"""Which of several results nothing beats for its cost: arithmetic alone."""

from collections.abc import Sequence

Offer = tuple[float, float]
"""What something cost, and how good it is: more is better."""


def frontier(offers: Sequence[Offer]) -> list[int]:
    """Places of the offers that no other beats, those that cost least first.

    One beats another if it costs no more and is no worse, and is cheaper or better. Of equal ones
    none beats the other, so all of them are in it.
    """
    found: list[int] = []
    best = previous = None
    for cost, negative, place in sorted(
        (cost, -score, i) for i, (cost, score) in enumerate(offers)
    ):
        if best is None or -negative > best or (cost, negative) == previous:
            found.append(place)
            best, previous = -negative, (cost, negative)
    return found


def best_within(offers: Sequence[Offer], budget: float) -> int | None:
    """The place of the best offer that costs no more, the cheapest of equally good ones."""
    within = [place for place in frontier(offers) if offers[place][0] <= budget]
    return max(within, key=lambda place: (offers[place][1], -place), default=None)
