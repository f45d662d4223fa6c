"""Rules, the watching of runs by them, alerts, and sending these."""

from r1web.alerts.services.budgets import hold_over_budget, look_at_budgets
from r1web.alerts.services.delivery import deliver_due
from r1web.alerts.services.firing import acknowledge
from r1web.alerts.services.rules import (
    check_rule,
    copy_rules,
    create_rule,
    delete_rule,
    edit_rule,
    give_default_rules,
)
from r1web.alerts.services.targets import (
    check_target,
    create_target,
    delete_target,
    edit_target,
    send_test,
)
from r1web.alerts.services.watching import Shown, look_for_silence, observe, watch_state

__all__ = [
    "Shown",
    "acknowledge",
    "check_rule",
    "check_target",
    "copy_rules",
    "create_rule",
    "create_target",
    "delete_rule",
    "delete_target",
    "deliver_due",
    "edit_rule",
    "edit_target",
    "give_default_rules",
    "hold_over_budget",
    "look_at_budgets",
    "look_for_silence",
    "observe",
    "send_test",
    "watch_state",
]
