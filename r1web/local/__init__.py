"""The whole stack on one machine: `manage.py up`, which `make run` calls."""
