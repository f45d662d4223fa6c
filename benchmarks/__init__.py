"""Side-by-side measurements; docs/benchmarks.md has the commands and what they gave."""
