"""Kubernetes, by kubectl and whatever namespace and rights its configuration gives it."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from r1web.cluster.submission.system import JobView, Named, Phase, SiteError, ask
from r1web.runs.models import State

OURS = "app.kubernetes.io/managed-by=r1web"
ENDINGS = {
    "DeadlineExceeded": (State.STOPPED, "reached its time limit"),
    "OOMKilled": (State.FAILED, "was killed because it ran out of memory"),
    "Evicted": (State.STOPPED, "was evicted from its node"),
}
RIGHTS = (
    "create jobs.batch", "patch jobs.batch", "get jobs.batch", "list jobs.batch",
    "delete jobs.batch", "list pods", "get pods/log", "create services", "patch services",
    "get services",
)  # fmt: skip
Object = dict[str, Any]


class Kubernetes:
    title = "Kubernetes"
    suffix = ".yaml"

    def submit(self, file: Path) -> str:
        """`apply`, not `create`: done again, it changes nothing."""
        made = ask("kubectl", "apply", "--filename", str(file), "--output", "name").split()
        names = [name.removeprefix("job.batch/") for name in made if name.startswith("job.batch/")]
        if len(names) != 1:
            raise SiteError(f"{file.name} must have exactly one Job, but has {len(names)}.")
        return names[0]

    def look(self, jobs: Sequence[Named]) -> Mapping[str, JobView]:
        found = json.loads(
            ask("kubectl", "get", "jobs,pods", "--selector", OURS, "--output", "json")
        )
        pods: dict[str, list[Object]] = defaultdict(list)
        for item in found["items"]:
            if item["kind"] == "Pod":
                pods[item["metadata"]["labels"].get("job-name", "")].append(item)
        present = {
            item["metadata"]["name"]: item for item in found["items"] if item["kind"] == "Job"
        }
        return {
            job.name: _view(present[job.name], pods[job.name])
            for job in jobs
            if job.name in present
        }

    def cancel(self, key: str, *, only_waiting: bool) -> None:  # noqa: ARG002 - see below
        """A pod that has just started is asked to save, like any that is deleted."""
        ask("kubectl", "delete", "job", key, "--wait=false", "--ignore-not-found")

    def check(self, file: Path) -> str:
        """What the API server says to the manifest without keeping it."""
        return " ".join(
            ask("kubectl", "apply", "--dry-run=server", "--filename", str(file)).splitlines()
        )

    def missing_rights(self) -> list[str]:
        return [right for right in RIGHTS if not _may(*right.split())]

    def log_end(self, key: str, file: Path) -> str:  # noqa: ARG002 - the cluster has it
        with suppress(SiteError):
            return ask("kubectl", "logs", f"job/{key}", "--tail=20")
        return ""


def _may(verb: str, what: str) -> bool:
    """`kubectl auth can-i` says "no" and ends with 1; a server that is away is another matter."""
    resource, _, sub = what.partition("/")
    words = ["kubectl", "auth", "can-i", verb, resource, *([f"--subresource={sub}"] if sub else [])]
    try:
        return ask(*words).strip() == "yes"
    except SiteError as error:
        if str(error) == "kubectl ended with 1.":
            return False
        raise


def _view(job: Object, pods: Sequence[Object]) -> JobView:
    name = job["metadata"]["name"]
    where = ",".join(sorted({pod["spec"].get("nodeName", "") for pod in pods} - {""}))
    for condition in job.get("status", {}).get("conditions", []):
        if condition["status"] == "True" and condition["type"] in {"Failed", "Complete"}:
            outcome, words = _ending(condition, pods)
            return JobView(name, Phase.OVER, why=words, where=where, outcome=outcome)
    waits = [why for pod in pods if (why := _waits(pod)) is not None]
    if waits or not pods:
        return JobView(name, Phase.WAITING, why=waits[0] if waits else "no pod yet", where=where)
    return JobView(name, Phase.RUNNING, where=where)


def _ending(condition: Object, pods: Sequence[Object]) -> tuple[State, str]:
    if condition["type"] == "Complete":
        return State.FAILED, "ended, but how its run ended was not recorded"
    if taken := _disruption(pods):
        return State.STOPPED, f"was taken from its node: {taken}"
    reasons = [condition.get("reason", ""), *(_end_reason(pod) for pod in pods)]
    for reason in reasons:
        if reason in ENDINGS:
            return ENDINGS[reason]
    codes = [code for pod in pods if (code := _exit_code(pod))]
    detail = f"exit code {codes[0]}" if codes else condition.get("message", "")
    return State.FAILED, f"failed ({detail})"


def _disruption(pods: Sequence[Object]) -> str:
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
                return str(condition.get("reason", "no reason given"))
    return ""


def _waits(pod: Object) -> str | None:
    """Why a pod has not started, in Kubernetes' words; None for one that has."""
    status = pod.get("status", {})
    if status.get("phase") != "Pending":
        return None
    for container in status.get("containerStatuses", []):
        if waiting := container.get("state", {}).get("waiting"):
            return ": ".join(
                part for part in (waiting.get("reason"), waiting.get("message")) if part
            )
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason", ""))
    return "its pod is pending"


def _terminated(pod: Object) -> Object:
    for container in pod.get("status", {}).get("containerStatuses", []):
        if ended := container.get("state", {}).get("terminated"):
            return dict(ended)
    return {}


def _end_reason(pod: Object) -> str:
    return str(pod.get("status", {}).get("reason") or _terminated(pod).get("reason", ""))


def _exit_code(pod: Object) -> int:
    return int(_terminated(pod).get("exitCode", 0))
