"""REST for runs and for the configs they are made of."""

from r1web.runs.api.configs import router as configs_router
from r1web.runs.api.deleting import router as deleting_router
from r1web.runs.api.runs import router as runs_router
from r1web.runs.api.safety import router as safety_router
from r1web.runs.api.stages import router as stages_router

__all__ = ["configs_router", "deleting_router", "runs_router", "safety_router", "stages_router"]
