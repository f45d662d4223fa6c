"""A person's own Python file, named in the config: a task or a reward."""

from __future__ import annotations

import functools
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from training.tasks.problem import digest_of


class UserFileError(ValueError):
    """The file cannot be used; the message names the file, and the line where there is one."""


@functools.cache
def load_user_file(path: str) -> ModuleType:
    """The file as a module, run once in this process. Raises UserFileError."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserFileError(f"{path} is not there.")
    name = f"r1web_user_{file.stem}_{digest_of(str(file.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserFileError(f"{path} is no Python file: its name has to end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its dataclasses and pickled objects are looked up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserFileError(blame(error, path)) from error
    return module


def blame(error: Exception, path: str) -> str:
    """Where in the person's file it went wrong, and what Python says."""
    resolved = str(Path(path).expanduser().resolve())
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if str(Path(frame.filename).resolve()) == resolved
    ]
    if isinstance(error, SyntaxError) and not lines:
        lines = [error.lineno]
    where = f"{path}, line {lines[-1]}" if lines else path
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{where}: {type(error).__name__}: {said.rstrip('.')}."
