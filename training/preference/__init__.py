"""Reward models, trained on pairs of completions of which one is better."""
