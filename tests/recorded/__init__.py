"""Small runs as the trainers of earlier commits left them; tests/recorded/record.py makes them."""

import json
import shutil
from pathlib import Path

HERE = Path(__file__).parent
RECORDED = sorted(path.parent.name for path in HERE.glob("*/events.jsonl"))
KEPT_STEP = 2


def begun_by(commit: str, folder: Path) -> Path:
    """A run directory in `folder` as it was when the trainer had saved its kept checkpoint."""
    run_dir = folder / "run"
    shutil.copytree(HERE / commit, run_dir)
    config = json.loads((run_dir / "config.json").read_text())
    config["model"]["path"] = str(run_dir / f"checkpoints/step-{KEPT_STEP:06d}" / "weights")
    (run_dir / "config.json").write_text(json.dumps(config))
    journal = run_dir / "events.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    saved = next(n for n, line in enumerate(lines) if b'"type":"checkpoint"' in line)
    journal.write_bytes(b"".join(lines[: saved + 1]))
    return run_dir
