"""How long a run still takes, by how long its steps have taken so far."""


def seconds_left(*, done: int, to_do: int, spent_s: float) -> float | None:
    """For `to_do` steps when `done` took `spent_s`; None before the first one."""
    return spent_s / done * to_do if done > 0 else None
