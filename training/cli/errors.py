"""Errors a person can mend."""


class UserError(Exception):
    """One sentence that names the field or file and says what to do; exit code 2."""
