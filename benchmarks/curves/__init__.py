"""Curves beside other trackers: written, kept, and read; see __main__.py."""
