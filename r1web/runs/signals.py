"""What other apps may hear about runs. An app that runs itself does not import connects here."""

from django.dispatch import Signal

state_changed = Signal()
"""Sent with `run` and `transition` within the transaction that changes a run's state, also when the
run is made (`from_state` is "" then). A receiver that fails undoes the change."""
