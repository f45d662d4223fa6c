"""The REST API, assembled from what each app offers."""

from ninja import NinjaAPI

from r1web.accounts.api import router as accounts_router
from r1web.alerts.api import alerts_router, rules_router, targets_router
from r1web.api import errors
from r1web.api.auth import AUTH
from r1web.api.health import router as health_router
from r1web.cluster.api import router as cluster_router
from r1web.compare.api import comparison_router, notes_router, views_router
from r1web.ledger.api import router as ledger_router
from r1web.metrics.api import router as metrics_router
from r1web.operations.api import router as operations_router
from r1web.playground.api import router as playground_router
from r1web.provenance.api import router as provenance_router
from r1web.releases.api import router as releases_router
from r1web.reports.api import router as reports_router
from r1web.rollouts.api import router as rollouts_router
from r1web.runs.api import (
    configs_router,
    deleting_router,
    runs_router,
    safety_router,
    stages_router,
)

api = NinjaAPI(
    title="r1web",
    version="1",
    description="Start runs and follow them. Errors are RFC 9457 problem details.",
    urls_namespace="api",
    auth=AUTH,
)
errors.install(api)

for router in (
    runs_router,
    stages_router,
    safety_router,
    deleting_router,
    metrics_router,
    comparison_router,
    views_router,
    notes_router,
    rollouts_router,
    alerts_router,
    rules_router,
    targets_router,
    configs_router,
    ledger_router,
    releases_router,
    playground_router,
    reports_router,
    provenance_router,
    cluster_router,
    accounts_router,
    operations_router,
    health_router,
):
    api.add_router("", router)
