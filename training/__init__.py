"""The trainer: a program of its own. Nothing in it imports Django."""
