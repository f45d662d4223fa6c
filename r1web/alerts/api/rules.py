"""Rules of a run, and of a project."""

from ninja import Router, Status

from r1web.accounts.models import Project
from r1web.accounts.selectors import changeable_project, visible_project
from r1web.alerts import selectors, services
from r1web.alerts.models import Rule
from r1web.alerts.schemas import RuleIn, RuleList, RuleOut, RulePatch
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.runs.models import Run
from r1web.runs.selectors import changeable_run, visible_run

router = Router(tags=["alerts"])


@router.get(
    "/runs/{int:run_id}/alert-rules",
    response={200: RuleList, ERRORS: ProblemOut},
    summary="Alert rules of a run",
)
def list_run_rules(
    request: ApiRequest, run_id: int, cursor: Cursor = None, limit: Limit = 100
) -> RuleList:
    """A new run has the rules that its project had then."""
    run = visible_run(request.user, run_id)
    return _page(run.project, run, cursor, limit)


@router.post(
    "/runs/{int:run_id}/alert-rules",
    response={201: RuleOut, ERRORS: ProblemOut},
    summary="Add a rule to a run",
)
def add_run_rule(request: ApiRequest, run_id: int, body: RuleIn) -> Status[RuleOut]:
    """It looks at what comes from now on."""
    run = changeable_run(request.user, run_id)
    return _added(run.project, run, body)


@router.get(
    "/projects/{slug}/alert-rules",
    response={200: RuleList, ERRORS: ProblemOut},
    summary="Alert rules of a project",
)
def list_project_rules(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> RuleList:
    """Its budgets, and what each new run of it begins with."""
    return _page(visible_project(request.user, slug), None, cursor, limit)


@router.post(
    "/projects/{slug}/alert-rules",
    response={201: RuleOut, ERRORS: ProblemOut},
    summary="Add a rule to a project",
)
def add_project_rule(request: ApiRequest, slug: str, body: RuleIn) -> Status[RuleOut]:
    """A budget of the project, or a rule for new runs; those that exist stay as they are."""
    return _added(changeable_project(request.user, slug), None, body)


@router.patch(
    "/alert-rules/{int:rule_id}",
    response={200: RuleOut, ERRORS: ProblemOut},
    summary="Change a rule",
)
def edit_rule(request: ApiRequest, rule_id: int, body: RulePatch) -> RuleOut:
    """Switch it on or off, or change what it looks for; it then looks anew."""
    rule = selectors.changeable_rule(request.user, rule_id)
    changes = body.dict(exclude_none=True)
    return _shown(services.edit_rule(rule=rule, changes=changes))


@router.delete(
    "/alert-rules/{int:rule_id}",
    response={204: None, ERRORS: ProblemOut},
    summary="Delete a rule",
)
def delete_rule(request: ApiRequest, rule_id: int) -> Status[None]:
    """Its alerts stay."""
    services.delete_rule(rule=selectors.changeable_rule(request.user, rule_id))
    return Status(204, None)


def _page(project: Project, run: Run | None, cursor: str | None, limit: int) -> RuleList:
    rules = selectors.rules_of(project, run)
    found, next_cursor = page(rules, order="id", cursor=cursor, limit=limit)
    return RuleList(items=selectors.rules_out(found, run), next_cursor=next_cursor)


def _added(project: Project, run: Run | None, body: RuleIn) -> Status[RuleOut]:
    fields = body.dict(exclude_none=True)
    return Status(201, _shown(services.create_rule(project=project, run=run, fields=fields)))


def _shown(rule: Rule) -> RuleOut:
    return selectors.rules_out([rule], rule.run)[0]
