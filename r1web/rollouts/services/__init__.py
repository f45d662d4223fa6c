"""What is done with rollouts."""

from r1web.rollouts.services.appending import append_groups

__all__ = ["append_groups"]
