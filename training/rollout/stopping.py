"""Strings that end a completion."""

from __future__ import annotations

from collections.abc import Callable

Decode = Callable[[list[int]], str]
"""Text of tokens."""

MARGIN = 8
"""Tokens before a stop string that are decoded with it: decoders may treat the first of a text
differently."""


class StopStrings:
    """Looks for strings in what has been written, each time a token has come.

    A string is looked for only behind a token whose text could be its end; a token whose text is
    part of a character could be any.
    """

    def __init__(self, strings: tuple[str, ...], decode: Decode) -> None:
        self.strings, self._decode = strings, decode
        self.window = max(len(each.encode()) for each in strings) + MARGIN
        self._last = {each[-1] for each in strings}
        self._known: dict[int, bool] = {}

    def may_complete(self, token: int) -> bool:
        """Whether a string may end in this token."""
        if token not in self._known:
            text = self._decode([token])
            self._known[token] = "\ufffd" in text or any(each in text for each in self._last)
        return self._known[token]

    def completed(self, tokens: list[int]) -> str | None:
        """The first of the strings that the last of `tokens` completes; the `window` last tokens
        are enough."""
        text, before = self._decode(tokens), self._decode(tokens[:-1])
        return next((each for each in self.strings if text.count(each) > before.count(each)), None)
