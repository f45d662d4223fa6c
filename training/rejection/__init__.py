"""Rejection sampling: completions are written, and the good ones are kept as data."""
