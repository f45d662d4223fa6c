"""One report in three forms: all that is known stands in it, hostile text stays text."""

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from r1web.accounts.models import User
from r1web.cluster.supervisor.ingest import ingest
from r1web.reports.document import Curve
from r1web.reports.rendering.plot import plot, round_ticks
from r1web.reports.selectors import report_of
from r1web.reports.selectors.samples import chosen
from r1web.rollouts.models import Group
from r1web.runs.models import Attempt, Run, State
from tests.r1web.cluster.test_ingest import lines_of, record, rollouts
from tests.r1web.conftest import Api, caller
from tests.r1web.runs.pipeline import PIPELINE, Told

pytestmark = pytest.mark.django_db
MakeRun = Callable[..., Run]
HOSTILE = "<script>alert(1)</script> | `x` ![](http://evil) 你好 ```\n# head"
SECTIONS = [
    "Summary", "What was trained on what", "Hyper-parameters", "Curves", "Evaluation", "Safety",
    "Cost and energy", "Provenance", "Decontamination", "Samples", "Limits",
]  # fmt: skip


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """Three steps, an evaluation with an interval, and a completion that means harm."""
    run = make_run(State.RUNNING, name="sums <b>")
    attempt = Attempt.objects.create(run=run, number=1, started_at=run.created_at)
    told = [
        *(record(step, step=step, values={"reward/mean": step / 4}) for step in (1, 2, 3)),
        rollouts(4, HOSTILE, step=3),
        record(
            5, "evaluation", 3, problems=8, completions_per_problem=1,
            values={"eval/pass_at_1": 0.5, "eval/pass_at_1_low": 0.25, "eval/pass_at_1_high": 0.75},
        ),
    ]  # fmt: skip
    ingest(attempt_id=attempt.pk, lines=lines_of(told))
    run.refresh_from_db()
    return run


def report(api: Api, run: Run, form: str) -> bytes:
    answer = api.get(f"/runs/{run.pk}/report", format=form)
    assert answer.status_code == 200, answer.content
    return answer.content


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_sections_are_these_in_this_order(run: Run) -> None:
    assert [section.title for section in report_of(run, run.owner).sections] == SECTIONS


def test_the_page_shows_hostile_text_as_text_and_runs_nothing(api: Api, run: Run) -> None:
    page = Tags(report(api, run, "html").decode())
    assert not {"script", "img", "b", "iframe", "link"} & page.names
    assert HOSTILE in page.text
    answer = api.get(f"/runs/{run.pk}/report")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_links_lead_to_the_data_behind_the_numbers(api: Api, run: Run) -> None:
    found = Tags(report(api, run, "html").decode()).links
    paths = [re.sub(r"^https?://[^/]+/api/v1", "", link) for link in found if "/api/v1/" in link]
    assert any(
        path.startswith(f"/runs/{run.pk}/metrics/export?names=reward/mean") for path in paths
    )
    for path in set(paths):
        assert api.get(path).status_code == 200, path


def test_the_card_has_front_matter_that_the_hub_reads(api: Api, run: Run) -> None:
    _, front, body = report(api, run, "md").decode().split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["tags"][:2] == ["r1web", "reinforcement-learning"]
    (result,) = told["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "pass@1", "value": 0.5}]
    assert "license" not in told
    assert "No licence is stated." in body
    assert "````text\n" + HOSTILE + "\n````" in body  # a fence longer than the text's own
    assert "sums \\<b\\>" in body


def test_the_pdf_opens_and_says_what_it_could_not_write(api: Api, run: Run) -> None:
    pdf = PdfReader(io.BytesIO(report(api, run, "pdf")))
    text = "\n".join(page.extract_text() for page in pdf.pages)
    assert [title in text for title in SECTIONS] == [True] * len(SECTIONS)
    assert "50.0 %" in text
    assert "25.0 to 75.0 %" in text
    assert "2 characters that the fonts of this file do not have" in text
    links = [
        note.get_object()["/A"]["/URI"]
        for page in pdf.pages
        for note in page.get("/Annots", [])
        if "/URI" in note.get_object().get("/A", {})
    ]
    assert any("/metrics/export?names=reward/mean" in link for link in links)


def test_what_is_missing_is_said_to_be_missing(api: Api, make_run: MakeRun) -> None:
    empty = make_run()
    text = " ".join(Tags(report(api, empty, "html").decode()).text.split())
    for said in (
        "was not evaluated", "has recorded no rollouts", "Safety was not measured",
        "has held no devices yet", "Versions are not known", "No attempt was made yet",
    ):  # fmt: skip
        assert said in text
    for form in ("pdf", "md"):
        assert report(api, empty, form)


def test_a_pipeline_has_a_column_a_stage_with_the_papers_number(
    api: Api, make_run: MakeRun
) -> None:
    run = make_run(State.RUNNING, overrides=PIPELINE)
    Told.of(run).do("zero")
    text = " ".join(Tags(report(api, run, "html").decode()).text.split())
    assert "zero (paper: R1-Zero)" in text
    assert "paper: 3e-6" in text
    assert "Stage results has not evaluated any model yet." in text
    Told.of(run).score(16, "results", 0.25, "base")
    assert "Models by evaluations" in Tags(report(api, run, "html").decode()).text


def test_only_those_who_may_see_the_run_get_it(stranger: User, viewer: User, run: Run) -> None:
    assert caller(stranger).get(f"/runs/{run.pk}/report").status_code == 404
    assert caller(viewer).get(f"/runs/{run.pk}/report").status_code == 200


def test_a_form_that_there_is_not_is_refused(api: Api, run: Run) -> None:
    assert api.get(f"/runs/{run.pk}/report", format="docx").status_code == 422


def test_more_steps_take_no_more_queries(api: Api, run: Run) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            report_of(Run.objects.get(pk=run.pk), run.owner)
        return len(found)

    before = queries()
    more = [record(seq, step=seq) for seq in range(6, 300)]
    ingest(attempt_id=run.attempts.get().pk, lines=lines_of(more))
    assert queries() <= before + 6  # pages of points, once there are some


def test_samples_are_the_best_the_median_and_the_worst(run: Run) -> None:
    (one,) = Group.objects.get(run=run).completions
    ((places, only),) = chosen([one])
    assert (places, only.index) == ("highest and median and lowest", 0)


def test_a_curve_keeps_within_its_picture_and_breaks_where_it_is_unknown() -> None:
    drawn = plot(Curve("x", [1, 2, 3, 4], [0.1, float("nan"), 0.3, 0.7]), 100, 50)
    assert [len(line) for line in drawn.lines] == [1, 2]
    assert all(0 <= x <= 100 and 0 <= y <= 50 for line in drawn.lines for x, y in line)
    assert round_ticks(0.1, 0.7)[0] <= 0.1
    assert round_ticks(0.1, 0.7)[-1] >= 0.7
