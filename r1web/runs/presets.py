"""The presets that ship with the project, with the words their files begin with."""

from functools import cache
from typing import Any

from training.config import preset_names, preset_overrides, resolve
from training.config.presets import PRESETS_DIR


@cache
def all_presets() -> list[dict[str, Any]]:
    """Name, description, own settings and resolved config of each."""
    return [
        {
            "name": name,
            "description": _description(name),
            "settings": preset_overrides(name),
            "config": resolve(name, {}).as_json(),
        }
        for name in preset_names()
    ]


def _description(name: str) -> str:
    """The comment that the file begins with."""
    words: list[str] = []
    for line in (PRESETS_DIR / f"{name}.toml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        words.append(line.removeprefix("#").strip())
    return " ".join(words)
