"""A model that answers: requests as JSON lines in, tokens as JSON lines out as they come."""
