"""Group Relative Policy Optimization: pure functions, then one flat loop."""
