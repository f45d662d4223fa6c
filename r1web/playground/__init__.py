"""Talking to checkpoints: requests go to their nodes, and tokens come back, over Redis."""
