"""What is done with rollouts."""

from r1web.rollouts.services.appending import append_groups
from r1web.rollouts.services.sealing import seal, seal_full

__all__ = ["append_groups", "seal", "seal_full"]
