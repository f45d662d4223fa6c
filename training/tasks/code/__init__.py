"""Programs to be written, run in the sandbox against the tests of their row."""

from training.tasks.code.task import CodeTask

__all__ = ["CodeTask"]
