"""The trainer: a program of its own. Nothing in it imports Django."""

import os

# Read when torch loads its OpenMP. By default a thread that waits for its peers burns its core for
# milliseconds, so on a machine with anything else to do the peers never get to run: measured 20 to
# 70 times slower. This gives the core away after some microseconds.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
