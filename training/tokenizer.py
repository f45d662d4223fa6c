"""Byte-level BPE that does not split text at spaces: a template becomes a handful of tokens.

Digits always stand alone, so that columns can be seen, and so does each tag of the R1 form. All
256 bytes are in the vocabulary: every text survives encoding and decoding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers import Regex as TokenizerRegex

PAD, BOS, EOS = "<|pad|>", "<|bos|>", "<|eos|>"
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_TAG = re.compile("|".join(TAGS))


def _byte_letters() -> dict[str, int]:
    """The letter that byte-level BPE (GPT-2) writes for each byte → the byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {chr(byte): byte for byte in shown}
    return letters | {chr(256 + place): byte for place, byte in enumerate(hidden)}


BYTES = _byte_letters()


class TokenizerError(ValueError):
    """A directory holds no tokenizer that can be used; the message names the file."""


class TextTokenizer:
    """A Hugging Face tokenizer.json with its special tokens' ids.

    `bos_id` is what a prompt begins with; None where the tokenizer has no such token, or has one
    that it does not put there. Where none is named for padding, eos serves.
    """

    def __init__(self, tokenizer: Tokenizer, bos: str | None, eos: str, pad: str) -> None:
        self._tokenizer = tokenizer
        self._token_bytes: dict[int, bytes] = {}
        self.vocab_size = tokenizer.get_vocab_size()
        self.bos_id = self._id(bos) if bos is not None else None
        self.eos_id = self._id(eos)
        self.pad_id = self._id(pad)

    @classmethod
    def load(cls, path: Path) -> TextTokenizer:
        """Read tokenizer.json and tokenizer_config.json of the directory `path`, and what these
        leave open from special_tokens_map.json and config.json. Raises TokenizerError."""
        config = _read_json(path / "tokenizer_config.json")
        tokenizer = _read_tokenizer(path / "tokenizer.json")
        named = _special_tokens(path, config, tokenizer)
        if named["eos"] is None:
            raise TokenizerError(f"{path / 'tokenizer_config.json'} names no eos_token.")
        bos = named["bos"] if _begins_with(named["bos"], config, tokenizer) else None
        return cls(tokenizer, bos, named["eos"], named["pad"] or named["eos"])

    def save(self, path: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, which transformers reads too."""
        self._tokenizer.save(str(path / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BOS,
            "eos_token": EOS,
            "pad_token": PAD,
            "clean_up_tokenization_spaces": False,
        }
        text = json.dumps(config, indent=2) + "\n"
        (path / "tokenizer_config.json").write_text(text, encoding="utf-8")

    def as_json(self) -> str:
        """What stands in tokenizer.json."""
        return str(self._tokenizer.to_str())

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without bos and eos."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode_prompt(self, text: str) -> list[int]:
        """Token ids of `text`, after bos where the tokenizer has one and `text` has not: many a
        chat template writes it itself."""
        ids = self.encode(text)
        begun = self.bos_id is None or ids[:1] == [self.bos_id]
        return ids if begun else [self.bos_id, *ids]

    def decode(self, ids: list[int]) -> str:
        """Text of all `ids`; special tokens show by their names."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def characters(self, ids: list[int], text: str) -> list[int] | None:
        """How many characters of `text`, which `ids` decode to, begin in each of them.

        A character of several tokens belongs to the first. None where that cannot be told.
        """
        found = self._of_bytes(ids)
        if sum(found) != len(text):
            found = self._of_windows(ids)
        return found if sum(found) == len(text) else None

    def _of_bytes(self, ids: list[int]) -> list[int]:
        """Where tokens are bytes, as in byte-level BPE."""
        pieces = [self._bytes(each) for each in ids]
        counts = np.concatenate([[0], np.cumsum(first_bytes(b"".join(pieces)))])
        ends = np.cumsum([0, *map(len, pieces)])
        lengths: list[int] = np.diff(counts[ends]).tolist()
        return lengths

    def _bytes(self, number: int) -> bytes:
        """Of a token of byte-level BPE, or one that stands for itself."""
        if number not in self._token_bytes:
            token = self._tokenizer.id_to_token(number) or ""
            known = all(letter in BYTES for letter in token)
            self._token_bytes[number] = (
                bytes(BYTES[letter] for letter in token) if known else token.encode()
            )
        return self._token_bytes[number]

    def _of_windows(self, ids: list[int]) -> list[int]:
        """By decoding a few tokens at a time: slow, and right for any tokenizer whose tokens do
        not depend on what stands far before them."""
        lengths = [0] * len(ids)
        before, read = 0, 0
        for end in range(1, len(ids) + 1):
            old, new = self.decode(ids[before:read]), self.decode(ids[before:end])
            if end == len(ids) or (len(new) > len(old) and not new.endswith("\ufffd")):
                lengths[read] = len(new) - len(old)
                before, read = read, end
        return lengths

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise TokenizerError(f"tokenizer.json has no token {token}.")
        return int(found)


def first_bytes(data: bytes) -> npt.NDArray[np.bool_]:
    """Which bytes begin a character of what `data` decodes to as UTF-8, where each longest piece
    that is none becomes one U+FFFD."""
    letters = np.frombuffer(
        data.decode(errors="surrogateescape").encode("utf-32-le", "surrogatepass"), "<u4"
    )
    odd = (letters >= 0xDC80) & (letters <= 0xDCFF)  # a byte that is no text
    sizes = 1 + (letters >= 0x80).astype(int) + (letters >= 0x800) + (letters >= 0x10000)
    sizes[odd] = 1
    places = np.cumsum(sizes) - sizes
    first = np.zeros(len(data), bool)
    first[places] = True
    covered = 0
    for place in places[odd].tolist():
        if place >= covered:
            covered = place + _length_of_odd(data[place : place + 4])
            first[place + 1 : covered] = False
    return first


def _length_of_odd(data: bytes) -> int:
    """Bytes of the piece at its beginning that is no UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.end
    return 1


def train(texts: Iterable[str], vocab_size: int) -> TextTokenizer:
    """Learn `vocab_size` tokens from `texts`; ids 0 to 6 are pad, bos, eos and the tags."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(TokenizerRegex(r"\d"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(name, special=True, normalized=False) for name in (PAD, BOS, EOS)]
    tags = [AddedToken(name, special=False, normalized=False) for name in TAGS]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special + tags,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # The trainer would see a tag as plain text and waste merges that reach across it.
    pieces = (piece for text in texts for piece in _TAG.split(text) if piece)
    tokenizer.train_from_iterator(pieces, trainer)
    return TextTokenizer(tokenizer, BOS, EOS, PAD)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TokenizerError(f"{file} is missing.") from error
    except ValueError as error:
        raise TokenizerError(f"{file} is not valid JSON: {error}.") from error
    return content


def _read_tokenizer(file: Path) -> Tokenizer:
    if not file.is_file():
        raise TokenizerError(
            f"{file} is missing: where a model has a slow tokenizer only, load it with "
            "transformers' AutoTokenizer and save it again, which writes that file."
        )
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more exact
        raise TokenizerError(f"{file} cannot be read: {error}.") from error
    tokenizer.no_truncation()  # a file may ask for either, and prompts must come out whole
    tokenizer.no_padding()
    return tokenizer


def _special_tokens(
    path: Path, config: dict[str, Any], tokenizer: Tokenizer
) -> dict[str, str | None]:
    """What the files call bos, eos and pad. Old directories name them nowhere but in config.json,
    by their ids."""
    more = path / "special_tokens_map.json"
    files = [config, *([_read_json(more)] if more.is_file() else [])]
    named = {
        name: next(filter(None, (_content(file.get(f"{name}_token")) for file in files)), None)
        for name in ("bos", "eos", "pad")
    }
    if named["eos"] is None and (path / "config.json").is_file():
        ids = _read_json(path / "config.json").get("eos_token_id")
        first = ids[0] if isinstance(ids, list) else ids
        named["eos"] = None if first is None else tokenizer.id_to_token(first)
    return named


def _begins_with(bos: str | None, config: dict[str, Any], tokenizer: Tokenizer) -> bool:
    """Whether texts begin with `bos`: as the config says, or else as the tokenizer does it. Our
    own tokenizers say neither, and their models have seen it before every text."""
    if bos is None:
        return False
    said = config.get("add_bos_token")
    if said is None:
        put = tokenizer.encode("", add_special_tokens=True).ids[:1]
        return bos == BOS or put == [tokenizer.token_to_id(bos)]
    return bool(said)


def _content(token: str | dict[str, str] | None) -> str | None:
    """tokenizer_config.json gives a token as text or as a record of it."""
    return token["content"] if isinstance(token, dict) else token
