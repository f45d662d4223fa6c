"""What a bundle is: a ZIP with all that is needed to run a run again and compare.

Its bytes follow from what is in it alone: no clock, no order of a directory. `manifest.json` has
the SHA-256 of each file.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT = 1
MANIFEST, ABOUT, CONFIG, TOLERANCES, NUMBERS = (
    "manifest.json",
    "about.json",
    "config.json",
    "tolerances.json",
    "numbers.csv",
)
EVENTS = "events.jsonl"  # fmt: skip
CHUNK = 2**20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP can tell."""

Numbers = dict[str, dict[int, float]]
"""Values of series by step."""
Scores = dict[tuple[str, str], Numbers]
"""Of each stage that evaluates and each model that it measures."""


class BundleError(Exception):
    """A bundle that cannot be used; the message names the file."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerances(Strict):
    """Which numbers are to agree, and within what."""

    absolute: float = 1e-6
    relative: float = 1e-6
    """Of each point, where versions, device, processes and dtype are the same."""
    left_out: tuple[str, ...] = ("time/", "perf/", "system/", "memory/", "gpu/")
    """Series that tell of the machine and not of the policy begin so."""
    reward_band: float = 0.5
    """Elsewhere the mean reward of each tenth of the steps agrees within so many standard
    deviations of the rewards of a step, and each last score within the root of the sum of the
    squares of both half widths of its 95 % interval."""


class Machine(Strict):
    """What a trainer told when it came up."""

    versions: dict[str, str]
    device: str
    processes: int
    dtype: str

    def differences(self, other: "Machine") -> list[str]:
        """What is not the same, a line each."""
        mine, others = self.flat(), other.flat()
        return [
            f"{name}: {mine.get(name, 'none')} then, {others.get(name, 'none')} now"
            for name in sorted(mine | others)
            if mine.get(name) != others.get(name)
        ]

    def flat(self) -> dict[str, str]:
        """All of it as text, by name."""
        return self.versions | {
            "device": self.device, "processes": str(self.processes), "dtype": self.dtype,
        }  # fmt: skip


class About(Strict):
    format: int = FORMAT
    run: int
    name: str
    digest: str
    seed: int
    last_step: int
    total_steps: int
    machine: Machine | None
    """null: no trainer came up."""
    code: str
    """Commit of the server's code when it was exported; empty where it is not known."""


@dataclass(frozen=True)
class Bundle:
    about: About
    config: dict[str, Any]
    tolerances: Tolerances
    numbers: Numbers
    scores: Scores


def write_bundle(parts: Iterable[tuple[str, Iterable[bytes]]], file: IO[bytes]) -> None:
    """Write each named part, and last the manifest."""
    hashes = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, pieces in parts:
            digest = hashlib.sha256()
            with archive.open(_entry(name), "w", force_zip64=True) as entry:
                for piece in pieces:
                    digest.update(piece)
                    entry.write(piece)
            hashes[name] = digest.hexdigest()
        with archive.open(_entry(MANIFEST), "w") as entry:
            entry.write(as_json({"format": FORMAT, "sha256": hashes}))


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def read_bundle(path: Path) -> Bundle:
    """Raises BundleError for one that is damaged, was edited, or is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive)
            return Bundle(
                about=About.model_validate_json(archive.read(ABOUT)),
                config=json.loads(archive.read(CONFIG)),
                tolerances=Tolerances.model_validate_json(archive.read(TOLERANCES)),
                numbers=_numbers(archive.open(NUMBERS)),
                scores=_scores(archive.open(EVENTS)),
            )
    except FileNotFoundError as error:
        raise BundleError(f"{path} is not there.") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise BundleError(f"{path} is no bundle, or is damaged: {error}.") from error
    except (ValidationError, ValueError, KeyError) as error:
        raise BundleError(f"{path} has a file that is not as a bundle's: {error}") from error


def _check(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    if MANIFEST not in names:
        raise BundleError(f"It has no {MANIFEST}: it is no bundle.")
    told = json.loads(archive.read(MANIFEST))
    if told.get("format") != FORMAT:
        raise BundleError(f"{MANIFEST} is of format {told.get('format')}; this reads {FORMAT}.")
    hashes: Mapping[str, str] = told["sha256"]
    for name in sorted(names ^ {*hashes, MANIFEST}):
        where = "is not in the manifest" if name in names else "is missing"
        raise BundleError(f"{name} {where}: the bundle was changed.")
    for name, wanted in hashes.items():
        if _sha256(archive, name) != wanted:
            raise BundleError(f"{name} is not what was exported: its SHA-256 differs.")


def _sha256(archive: zipfile.ZipFile, name: str) -> str:
    try:
        with archive.open(name) as file:
            digest = hashlib.sha256()
            while piece := file.read(CHUNK):
                digest.update(piece)
            return digest.hexdigest()
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleError(f"{name} is damaged: {error}.") from error


def _numbers(file: IO[bytes]) -> Numbers:
    found: Numbers = defaultdict(dict)
    for row in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")):
        if not row["superseded_attempt"]:
            found[row["name"]][int(row["step"])] = float(row["value"])
    return dict(found)


def _scores(file: IO[bytes]) -> Scores:
    """A model that was measured again, as the run was resumed, has its last scores."""
    found: Scores = defaultdict(lambda: defaultdict(dict))
    for line in file:
        event = json.loads(line)
        if event["type"] == "evaluation" and event["payload"].get("model") is not None:
            payload = event["payload"]
            numbers = found[payload["stage"], payload["model"]]
            for name, value in payload["values"].items():
                numbers[name][event["step"]] = float(value)
    return dict(found)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # as on Unix, wherever it is made
    entry.external_attr = 0o644 << 16
    return entry
