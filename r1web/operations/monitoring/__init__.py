"""What Prometheus reads at /metrics: the installation's state, and what this process served."""
