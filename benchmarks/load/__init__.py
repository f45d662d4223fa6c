"""Many trainers, browsers and scripts at once, on this machine: `python -m benchmarks.load`."""
