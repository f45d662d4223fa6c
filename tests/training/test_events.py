"""What is told of tokens one by one comes back as it was."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.events import TOKEN_STEPS, pack_tokens, unpack_tokens


@given(st.data(), st.integers(0, 50), st.sets(st.sampled_from(sorted(TOKEN_STEPS))))
def test_tokens_come_back_as_they_were(data: st.DataObject, count: int, names: set[str]) -> None:
    numbers = st.binary(min_size=2 * count, max_size=2 * count)
    lengths, told = data.draw(numbers), {name: data.draw(numbers) for name in sorted(names)}
    assert unpack_tokens(pack_tokens(lengths, told), count) == (lengths, told)


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "not base64",
        base64.b64encode(b"not zlib").decode(),
        base64.b64encode(zlib.compress(b"")).decode(),
        pack_tokens(bytes(6), {}),
        base64.b64encode(zlib.compress(bytes(10**8))).decode(),
    ],
)
def test_what_is_not_of_so_many_tokens_is_refused(packed: str) -> None:
    with pytest.raises(ValueError, match="tokens"):
        unpack_tokens(packed, 2)
