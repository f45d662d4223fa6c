"""A model for others: written whole, checked in transformers, described, pushed to a hub."""
