"""Several processes as one trainer: the only place that knows DeepSpeed."""
