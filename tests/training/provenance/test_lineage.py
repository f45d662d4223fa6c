"""A checkpoint's line of parents can be followed from directory to directory."""

import json
import shutil
from pathlib import Path

import pytest

from training import checkpoint
from training.checkpoint import Manifest
from training.cli.main import main
from training.config import FileTaskConfig, Planned, RunConfig
from training.events import (
    CodeVersion,
    DeviceCount,
    Environment,
    Stretch,
    WeightsOrigin,
)
from training.provenance.cards import cards_of
from training.provenance.files import sha256_of
from training.provenance.lineage import checkpoint_origin, origin_of, parents
from training.provenance.made import card_beside, made_card

SHIPPED = WeightsOrigin(kind="shipped", path="nano-base", sha256="0" * 64)


def stretch(device: str, after: int, parent: WeightsOrigin) -> Stretch:
    here = Environment(
        code=CodeVersion(version="0.1.0"),
        versions={"torch": "2.8"},
        devices=[DeviceCount(node="n1", device=device, count=1)],
    )
    return Stretch(
        stage="grpo", after_step=after, digest="d", environment=here, datasets=[], parent=parent
    )


def made(run: Path, step: int, *lineage: Stretch) -> Path:
    path = checkpoint.path_of(run, step)
    path.mkdir(parents=True)
    manifest = Manifest(
        step=step, tokens_total=0, processes=1, zero_stage=0, dtype="fp32", lineage=list(lineage)
    )
    (path / checkpoint.MANIFEST).write_text(manifest.model_dump_json())
    return path


def test_attempts_on_other_devices_and_runs_before_all_show(tmp_path: Path) -> None:
    first = stretch("H100", 0, SHIPPED)
    early = made(tmp_path / "one", 10, first)
    late = made(tmp_path / "one", 20, first, stretch("H20", 10, checkpoint_origin(early)))
    last = made(tmp_path / "two", 5, stretch("B200", 0, checkpoint_origin(late)))
    line = list(parents(last / "weights"))
    devices = [each.stretch and each.stretch.environment.devices[0].device for each in line]
    assert devices == ["B200", "H20", "H100", None]
    assert [each.step for each in line] == [5, 20, 10, None]
    assert "Shipped with the trainer" in line[-1].said


def test_a_parent_that_is_gone_or_another_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = made(tmp_path / "one", 10, stretch("H100", 0, SHIPPED))
    child = made(tmp_path / "two", 5, stretch("H100", 0, checkpoint_origin(parent)))
    (parent / checkpoint.MANIFEST).write_text(Manifest(
        step=10, tokens_total=1, processes=1, zero_stage=0, dtype="fp32"
    ).model_dump_json())  # fmt: skip
    assert "Another checkpoint" in list(parents(child))[-1].said
    shutil.rmtree(parent)
    with pytest.raises(SystemExit) as end:
        main(["lineage", str(child), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (end.value.code, len(told)) == (0, 2)
    assert "not there any more" in told[-1]["said"]
    with pytest.raises(SystemExit) as end:
        main(["lineage", str(parent)])
    assert end.value.code == 2


def test_a_directory_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}" if name != "c" else "[]")
    a, b, c = (origin_of(tmp_path / name) for name in "abc")
    assert (a.kind, a.sha256 == b.sha256, a.sha256 == c.sha256) == ("directory", True, False)


def test_cards_of_files_say_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"question": "1 + 1", "answer": "2"}\n' * 3)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nlicense: other\n")

    def cards(**changes: object) -> list[tuple[object, ...]]:
        task = FileTaskConfig.model_validate({"path": str(file), **changes})
        config = RunConfig(task=task)
        found = cards_of(config, Planned("grpo", "grpo", 0, 1), {})
        return [(each.role, each.rows, each.licence, each.licence_from) for each in found]

    assert cards() == [("training", 3, "mit", "README"), ("evaluation", 256, "mit", "README")]
    assert cards(licence="own")[0] == ("training", 3, "own", "config")
    (tmp_path / "README.md").unlink()
    assert cards()[0] == ("training", 3, None, None)


def test_a_made_dataset_has_its_card_beside_it_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "cold.jsonl"
    file.write_text("{}\n")
    card = made_card(
        file, stage="cold", checkpoint="nano-base", rules={"right": True}, seed=0, rows=1,
        sha256=sha256_of(file),
    )  # fmt: skip
    assert card_beside(file) == card
    file.write_text("{}\n{}\n")
    assert card_beside(file) is None
