"""vLLM as a sampling engine: a program for its own environment, and the trainer's side of it.

`server.py` runs under vLLM's Python with `wire.py` and `fingerprint.py` beside it, and nothing else
of ours: those two import the standard library only.
"""
