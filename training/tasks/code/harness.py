"""Runs in the sandbox, as the program: calls a model's function from tests it cannot touch.

The model's code runs in a process of its own and only values travel back, built of numbers, text
and plain containers. So `sys.exit(0)`, a changed `assert`, or an object that calls itself equal to
everything pass no test. This process ends with status 0 when all tests pass.

Standard input is JSON: `solution` (source), `stub` (source that tests may lean on), `test` (source
that defines `check(candidate)`), `entry_point`.
"""

import builtins
import json
import os
import pickle
import sys
from collections.abc import Callable


class PlainValues(pickle.Unpickler):
    """Unpickles without importing or calling anything that the sender names."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("builtins", "complex"):
            return complex
        raise pickle.UnpicklingError(f"a result has to be a plain value, not a {module}.{name}")


class Candidate:
    """The model's function, seen from the tests."""

    def __init__(self, calls: int, results: int) -> None:
        self._calls, self._results = os.fdopen(calls, "wb"), os.fdopen(results, "rb")

    def send(self, message: object) -> None:
        pickle.dump(message, self._calls)
        self._calls.flush()

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.send((args, kwargs))
        error, value = PlainValues(self._results).load()
        if error is None:
            return value
        kind = getattr(builtins, str(error), None)
        is_exception = isinstance(kind, type) and issubclass(kind, Exception)
        raise (kind if is_exception else RuntimeError)(value)


def serve(calls: int, results: int) -> None:
    """The other process: define the function, then answer call after call."""
    questions, answers = os.fdopen(calls, "rb"), os.fdopen(results, "wb")
    solution, entry_point = pickle.load(questions)  # noqa: S301 - from the tests' process
    names = {"__name__": "solution"}
    try:
        exec(compile(solution, "solution", "exec"), names)  # noqa: S102 - what a sandbox is for
        function = names[entry_point]
    except BaseException as error:  # noqa: BLE001 - even SystemExit is the solution's own failure
        function = _raiser(error)
    while True:
        args, kwargs = pickle.load(questions)  # noqa: S301 - likewise
        try:
            answer = (None, plain(function(*args, **kwargs)))
        except BaseException as error:  # noqa: BLE001 - likewise
            answer = (type(error).__name__, str(error))
        pickle.dump(answer, answers)
        answers.flush()


def _raiser(error: BaseException) -> Callable[..., object]:
    def function(*_: object, **__: object) -> object:
        raise error

    return function


def plain(value: object) -> object:
    """Counters, named tuples and the like as the containers they are; all else as it is."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return kind(plain(item) for item in value)
    for kind in (str, bytes, float, complex):
        if isinstance(value, kind):
            return kind(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def main() -> None:
    call_out, call_in = os.pipe()
    result_out, result_in = os.pipe()
    if os.fork() == 0:
        # Before anything of the tests is read, and without the descriptors they come by.
        nowhere = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.close(call_in)
        os.close(result_out)
        serve(call_out, result_in)
    os.close(call_out)
    os.close(result_in)
    task = json.load(sys.stdin)
    candidate = Candidate(call_in, result_out)
    candidate.send((task["solution"], task["entry_point"]))
    names = {"__name__": "tests"}
    exec(compile(task["stub"], "stub", "exec"), names)  # noqa: S102 - the data set's own
    names[task["entry_point"]] = candidate
    exec(compile(task["test"], "test", "exec"), names)  # noqa: S102 - likewise
    names["check"](candidate)


if __name__ == "__main__":
    main()
