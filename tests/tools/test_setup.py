"""Set-up says in one sentence what stands in its way."""

import ast
import subprocess
import sys
from pathlib import Path

import bootstrap
import browser_app
import pytest
from progress import StepFailedError, run_step

SETUP = Path(__file__).resolve().parents[2] / "tools" / "setup.py"


def test_an_old_python_can_read_the_file_that_refuses_it() -> None:
    ast.parse(SETUP.read_text(), feature_version=(3, 4))


def test_an_old_python_is_refused_in_one_sentence() -> None:
    program = f"import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path({str(SETUP)!r})"

    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert "needs Python 3.11 or newer, but this is Python 3.9" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_python_without_venv_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(bootstrap.SetupError, match="apt install python3-venv"):
        bootstrap.check_machine()


def test_a_full_disk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROOM_BYTES", 2**62)

    with pytest.raises(bootstrap.SetupError, match="free disk"):
        bootstrap.check_machine()


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "a file, not a folder"
    occupied.touch()
    monkeypatch.setattr(bootstrap, "CACHE", occupied / ".cache")

    with pytest.raises(bootstrap.SetupError, match="Cannot write"), bootstrap.only_one():
        pass


def test_a_failing_step_says_its_error_and_keeps_the_log(tmp_path: Path) -> None:
    program = "print('looking around'); print('ERROR: no such package'); raise SystemExit(3)"
    log = tmp_path / "setup.log"

    with pytest.raises(StepFailedError, match="ERROR: no such package"):
        run_step("Trying", [sys.executable, "-c", program], log)

    assert "looking around" in log.read_text()


def test_a_command_that_is_not_there_fails_as_a_step(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="no-such-command"):
        run_step("Trying", ["no-such-command"], tmp_path / "setup.log")


def test_the_browser_app_is_built_again_only_when_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_app, "FRONTEND", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.tsx").write_text("one")
    before = browser_app.sources_digest()

    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "package.js").write_text("not a source")
    untouched = browser_app.sources_digest()
    (tmp_path / "src" / "main.tsx").write_text("two")

    assert untouched == before
    assert browser_app.sources_digest() != before


def test_an_environment_of_another_python_is_made_anew(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()

    assert not bootstrap.made_by_this_python(tmp_path)
    python.symlink_to("/somewhere/else/python3.11")
    assert not bootstrap.made_by_this_python(tmp_path)
    python.unlink()
    python.symlink_to(Path(sys.executable).resolve())
    assert bootstrap.made_by_this_python(tmp_path)
