"""What the API tells of rollouts."""

from ninja import Router

from r1web.rollouts.api.completions import router as completions_router
from r1web.rollouts.api.difficulty import router as difficulty_router
from r1web.rollouts.api.export import router as export_router
from r1web.rollouts.api.groups import router as groups_router
from r1web.rollouts.api.marks import router as marks_router
from r1web.rollouts.api.steps import router as steps_router

router = Router()
router.add_router("", steps_router)
router.add_router("", completions_router)
router.add_router("", groups_router)
router.add_router("", export_router)
router.add_router("", marks_router)
router.add_router("", difficulty_router)
