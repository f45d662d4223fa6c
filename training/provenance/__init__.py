"""Where everything comes from: cards of datasets, and each checkpoint's line of parents."""
