"""What a program does with the REST API: a token, requests, and following a run."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import APIRequestContext, Playwright

from tests.e2e.product import Product

Json = dict[str, Any]
ENDED = {"finished", "failed", "stopped"}
LOOK_EVERY_S = 0.25
PATIENCE_S = 120.0

SMALL = {
    "grpo": {"steps": 40, "prompts_per_step": 2, "group_size": 4},
    "sampling": {"max_new_tokens": 48},
    "evaluation": {"every_steps": 10, "problems": 8},
    "checkpoint": {"every_steps": 20},
}
"""A run of seconds, for tests that are about everything around the training."""


class Api:
    """Speaks REST with the token of the data folder, as a program on the machine would."""

    def __init__(self, playwright: Playwright, product: Product) -> None:
        headers = {"Authorization": f"Bearer {product.token}"}
        self.requests: APIRequestContext = playwright.request.new_context(
            base_url=product.url, extra_http_headers=headers
        )

    def get(self, path: str, **query: Any) -> Json:
        answer = self.requests.get(f"/api/v1{path}", params=query)
        assert answer.ok, f"{path}: {answer.status} {answer.text()}"
        return dict(answer.json())

    def post(self, path: str, body: Json, **headers: str) -> Json:
        answer = self.requests.post(f"/api/v1{path}", data=body, headers=headers)
        assert answer.ok, f"{path}: {answer.status} {answer.text()}"
        return dict(answer.json())

    def start(self, name: str, config: Json) -> int:
        """Queue the demonstration's preset with other settings; the run's id."""
        body = {"preset": "r1-zero-nano", "name": name, "config": config}
        return int(self.post("/runs", body)["id"])

    def run(self, run: int) -> Json:
        return self.get(f"/runs/{run}")

    def series(self, run: int, *names: str) -> dict[str, Json]:
        metrics = self.get(f"/runs/{run}/metrics", names=",".join(names), max_points=10_000)
        return {series["name"]: series for series in metrics["series"]}

    def events(self, run: int, kind: str) -> list[Json]:
        """All events of a type, oldest first."""
        found: list[Json] = []
        while True:
            after = found[-1]["seq"] if found else 0
            answer = self.get(f"/runs/{run}/events", after_seq=after, limit=1000)
            found += answer["items"]
            if not answer["items"] or found[-1]["seq"] >= answer["last_seq"]:
                return [event for event in found if event["type"] == kind]

    def follow(
        self, run: int, until: Callable[[Json], bool], patience_s: float = PATIENCE_S
    ) -> Json:
        """Ask for the run again and again until it is as wanted; how it then is."""
        deadline = time.monotonic() + patience_s
        while not until(found := self.run(run)):
            assert time.monotonic() < deadline, (
                f"run {run} still {found['state']}: {found['reason']}"
            )
            time.sleep(LOOK_EVERY_S)  # REST has no event to await
        return found

    def await_end(self, run: int, patience_s: float = PATIENCE_S) -> Json:
        return self.follow(run, lambda found: found["state"] in ENDED, patience_s)

    def clear_away(self) -> None:
        """Stop what still runs, so that the next test finds the devices free."""
        active = [run for run in self.get("/runs")["items"] if run["state"] not in ENDED]
        for run in active:
            if run["desired"] == "running":
                self.requests.post(f"/api/v1/runs/{run['id']}/stop", data={})
        for run in active:
            self.await_end(run["id"])
