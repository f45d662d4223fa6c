"""Supervised fine-tuning, of the policy or of a smaller model."""
