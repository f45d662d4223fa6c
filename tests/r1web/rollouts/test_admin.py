"""The admin page of a group."""

import pytest
from django.test import Client
from django.utils import timezone

from r1web.accounts.models import User
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt
from tests.r1web.rollouts.test_storage import MakeRun
from tests.r1web.rollouts.told import rollouts

pytestmark = pytest.mark.django_db


def test_it_shows_what_was_written_as_text(make_run: MakeRun) -> None:
    attempt = Attempt.objects.create(run=make_run(), number=1, started_at=timezone.now())
    (group,) = append_groups([(attempt, rollouts(1, 0, [1.0, 0.0]))])
    browser = Client()
    browser.force_login(User.objects.create_superuser("root", password="correct horse"))
    page = browser.get(f"/admin/rollouts/group/{group.pk}/change/").content.decode()
    assert "&lt;think&gt;1&lt;/think&gt;&lt;answer&gt;0.0&lt;/answer&gt;" in page
    assert "User: question 0" in page
    found = browser.get("/admin/rollouts/group/", {"q": "question 0"}).content.decode()
    assert "question 0" in found
