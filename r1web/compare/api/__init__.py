"""/comparison, /projects/{slug}/views and /projects/{slug}/notes."""

from r1web.compare.api.comparison import router as comparison_router
from r1web.compare.api.notes import router as notes_router
from r1web.compare.api.views import router as views_router

__all__ = ["comparison_router", "notes_router", "views_router"]
