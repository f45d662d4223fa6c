"""REST for alerts, the rules that raise them, and where they are sent."""

from r1web.alerts.api.alerts import router as alerts_router
from r1web.alerts.api.rules import router as rules_router
from r1web.alerts.api.targets import router as targets_router

__all__ = ["alerts_router", "rules_router", "targets_router"]
