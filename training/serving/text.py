"""Text of tokens that come one by one."""

from __future__ import annotations

from training.tokenizer import TextTokenizer


class Unfolding:
    """Tells the text that is certain: a character of several tokens waits for its last, and what
    may be the beginning of a stop string waits until it is none.

    All that was told, with what `end` tells, is the text of all tokens, up to the stop string.
    """

    def __init__(self, tokenizer: TextTokenizer, stop: list[str]) -> None:
        self._tokenizer, self._stop = tokenizer, stop
        self._tokens: list[int] = []
        self._read, self._before = 0, 0
        self._held = ""

    def add(self, tokens: list[int]) -> str:
        """What is now certain and has not been told."""
        self._tokens += tokens
        decode, window = self._tokenizer.decode, self._tokens[self._before :]
        old, new = decode(self._tokens[self._before : self._read]), decode(window)
        if new.endswith("\ufffd"):
            return ""
        self._before, self._read = self._read, len(self._tokens)
        return self._told(self._held + new[len(old) :])

    def end(self, tokens: list[int]) -> str:
        """What remains to be told of a text of these tokens, the whole of it."""
        already = self._tokenizer.decode(self._tokens[: self._read])
        rest = self._held + self._tokenizer.decode(tokens)[len(already) :]
        return rest[
            : min(
                (place for each in self._stop if (place := rest.find(each)) >= 0), default=len(rest)
            )
        ]

    def _told(self, text: str) -> str:
        held = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]


def _overlap(text: str, stop: str) -> int:
    """Characters of `text` from where `stop` stands in it or may begin at its end."""
    whole = text.find(stop)
    if whole >= 0:
        return len(text) - whole
    return next(
        (n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0
    )
