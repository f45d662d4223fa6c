"""Why the stack cannot start."""


class CannotStartError(Exception):
    """One sentence that says what is wrong and what to do about it."""
