"""What the API tells of rollouts."""

from ninja import Router

from r1web.rollouts.api.steps import router as steps_router

router = Router()
router.add_router("", steps_router)
