"""Finds what is looked for in texts: a text as it stands, words, or a regular expression.

Regular expressions are run by RE2 (in pyarrow), whose time grows with the text's length only: it
knows neither back references nor look-around, and no pattern can make it hang.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import prod
from typing import Any, Literal, Protocol

from r1web.errors import InvalidError
from r1web.rollouts.signature import fold

Mode = Literal["text", "words", "regex"]
Span = tuple[int, int]
"""First character and the one after the last."""
LONGEST_PATTERN = 300
MOST_REPEATS = 250
"""RE2 writes counted repeats out, and takes time by the length of that."""


class Matcher(Protocol):
    needles: list[bytes]
    """Folded texts that a match contains, all of them."""

    def spans(self, texts: Sequence[bytes]) -> list[Span | None]:
        """Where each of the texts, in UTF-8, matches first."""


def matcher(query: str, mode: Mode) -> Matcher:
    """Raises InvalidError for a query that cannot be looked for in this way."""
    if mode == "regex":
        return Regex(query)
    words = query.split() if mode == "words" else [query]
    if not query.strip():
        raise InvalidError("Nothing is asked for: give some text in q.", path="q")
    return Words(words) if mode == "words" else Text(query)


class Text:
    """The very text, in capitals or not."""

    def __init__(self, query: str) -> None:
        self.needle = fold(query.encode())
        self.needles = [self.needle]

    def spans(self, texts: Sequence[bytes]) -> list[Span | None]:
        return [self._span(text) for text in texts]

    def _span(self, text: bytes) -> Span | None:
        folded = fold(text)
        start = folded.find(self.needle)
        if start < 0:
            return None
        begin = len(folded[:start].decode())
        return _unfolded(text.decode(), begin, begin + len(self.needle.decode()))


class Words:
    """All of the words, each whole, in any order, in capitals or not."""

    def __init__(self, words: Sequence[str]) -> None:
        folded = [word.casefold() for word in words]
        self.needles = [word.encode() for word in folded]
        self.patterns = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in folded]

    def spans(self, texts: Sequence[bytes]) -> list[Span | None]:
        return [self._span(text) for text in texts]

    def _span(self, text: bytes) -> Span | None:
        folded = fold(text)
        if not all(needle in folded for needle in self.needles):
            return None
        found = [pattern.search(folded.decode()) for pattern in self.patterns]
        first = found[0]
        if first is None or not all(found):
            return None
        return _unfolded(text.decode(), *first.span())


class Regex:
    """A pattern of RE2, capitals as they are unless it begins with (?i)."""

    def __init__(self, pattern: str) -> None:
        if not 0 < len(pattern) <= LONGEST_PATTERN:
            raise InvalidError(f"A pattern has 1 to {LONGEST_PATTERN} characters.", path="q")
        if prod(_repeats(pattern)) > MOST_REPEATS:
            raise InvalidError(
                "This pattern repeats too much: the numbers in braces, multiplied, may be "
                f"{MOST_REPEATS} at most. Use * or + instead.",
                path="q",
            )
        self.pattern = pattern
        self.needles = [fold(text.encode()) for text in literals(pattern)]
        self.spans([b""])  # tells whether it is a pattern

    def spans(self, texts: Sequence[bytes]) -> list[Span | None]:
        import pyarrow as pa  # noqa: PLC0415 - large, and needed here only
        import pyarrow.compute as pc  # noqa: PLC0415 - likewise

        given = pa.array(texts, pa.string())
        try:
            starts = pc.find_substring_regex(given, self.pattern).to_pylist()
        except pa.ArrowInvalid as error:
            reason = str(error).removeprefix("Invalid regular expression: ")
            raise InvalidError(f"This is no pattern of RE2: {reason}.", path="q") from error
        return [
            None if start < 0 else self._span(pc, text, start)
            for text, start in zip(texts, starts, strict=True)
        ]

    def _span(self, pc: Any, text: bytes, start: int) -> Span:
        """Its end shows by what is gone once the first match is replaced by nothing."""
        rest = pc.replace_substring_regex(
            text.decode(), pattern=self.pattern, replacement="", max_replacements=1
        ).as_py()
        begin = len(text[:start].decode())
        return begin, begin + len(text.decode()) - len(rest)


def literals(pattern: str) -> list[str]:
    """Texts that whatever matches the pattern contains; not all, where it is intricate.

    Of parts in parentheses and brackets nothing is taken, and of alternatives neither.
    """
    if re.search(r"\||\[\[?:|\\[QxpP0-9]|\\$", pattern):
        return []
    bare = re.sub(r"\\\W", lambda found: f"\\u{ord(found[0][1]):06x}", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", ".", bare)
    while "(" in bare:
        less = re.sub(r"\([^()]*\)", ".", bare)
        if less == bare:
            return []
        bare = less
    bare = re.sub(r"(\\u[0-9a-f]{6}|\\?.)([*?]|\{[^}]*\})[?+]?", ".", bare, flags=re.DOTALL)
    pieces = re.split(r"(?:\\[a-zA-Z](?<!\\u)|[.^$+*?{}])+", bare)
    return [text for piece in pieces if (text := _plain(piece))]


def _plain(piece: str) -> str:
    return re.sub(r"\\u([0-9a-f]{6})", lambda found: chr(int(found[1], 16)), piece)


def _repeats(pattern: str) -> Iterator[int]:
    """The most times of each counted repeat."""
    for low, high in re.findall(r"\{(\d{1,9})(?:,(\d{0,9}))?\}", pattern):
        yield max(int(low), int(high or 0), 1)


def _unfolded(text: str, start: int, end: int) -> Span:
    """Where characters `start` to `end` of the folded text stand in the text itself."""
    if text.isascii():
        return start, end
    ends = list(accumulate(len(letter.casefold()) for letter in text))
    return bisect_right(ends, start), bisect_right(ends, end - 1) + 1
