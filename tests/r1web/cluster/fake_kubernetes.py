"""A Kubernetes of one file: kubectl, and the controllers and kubelets behind it.

Pods are real processes. What is applied is held strictly against Kubernetes' own schemas. Beside
each other in the folder that FAKE_KUBERNETES names lie each job, what happens to its pods, and
`conf.json`: what the cluster is like, which tests change while it is up.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import psutil
import yaml

HOME = Path(os.environ.get("FAKE_KUBERNETES", "."))
ROOT = Path(__file__).resolve().parents[3]
CONF = {
    "full": False,
    "down": False,
    "may_not": [],
    "image": "registry.example.org/r1web:1",
    "silent_after_apply": False,
}
VERSION = "1.30"
POLL_S = 0.05
Object = dict[str, Any]


def conf() -> dict[str, Any]:
    given = HOME / "conf.json"
    return {**CONF, **(json.loads(given.read_text()) if given.exists() else {})}


def fail(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(1)


def write(path: Path, content: Object) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content))
    beside.replace(path)


def options(words: list[str], *known: str) -> dict[str, str]:
    """By name; kubectl takes a value after a space, too."""
    found = {}
    waiting = list(words)
    while waiting:
        name, has_value, value = waiting.pop(0).partition("=")
        if name not in known:
            fail(f"error: unknown flag: {name}")
        found[name] = value if has_value or name == "--ignore-not-found" else waiting.pop(0)
    return found


# --- apply --------------------------------------------------------------------------------------


def apply(words: list[str]) -> None:
    given = options(words, "--filename", "--output", "--dry-run")
    file = Path(given["--filename"])
    try:
        objects = [item for item in yaml.safe_load_all(file.read_text()) if item]
    except yaml.YAMLError as error:
        fail(f"error: error parsing {file}: error converting YAML to JSON: {error}")
    for item in objects:
        _validate(item)
    dry = "--dry-run" in given
    for item in objects:
        _apply(item, dry=dry)
        kind = {"Job": "job.batch", "Service": "service"}[item["kind"]]
        name = item["metadata"]["name"]
        if "--output" in given:
            sys.stdout.write(f"{kind}/{name}\n")
        else:
            sys.stdout.write(f"{kind}/{name} created{' (server dry run)' if dry else ''}\n")
    if conf()["silent_after_apply"]:
        fail(
            "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded)"
        )


def _validate(item: Object) -> None:
    import kubernetes_validate  # noqa: PLC0415 - takes a while, and only this needs it

    try:
        kubernetes_validate.validate(item, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.path)
        kind = item["kind"]
        fail(f"error: error validating data: ValidationError({kind}.{where}): {error.message}")


def _apply(item: Object, *, dry: bool) -> None:
    name = item["metadata"]["name"]
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
        fail(f'The {item["kind"]} "{name}" is invalid: metadata.name: Invalid value')
    path = HOME / f"{item['kind'].lower()}-{name}.json"
    if dry or path.exists():
        return
    write(path, item)
    if item["kind"] == "Job":
        for index in range(item["spec"]["completions"]):
            start_daemon("kubelet", name, str(index))


def start_daemon(*words: str) -> None:
    with (HOME / "daemon.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, __file__, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


# --- a pod's life -------------------------------------------------------------------------------


def kubelet(words: list[str]) -> None:
    """Wait for room, start the container, and write down how it ended; one for each pod."""
    job_name, index = words
    path = HOME / f"pod-{job_name}-{index}.json"
    job = json.loads((HOME / f"job-{job_name}.json").read_text())
    while (why := _why_pending(job)) is not None:
        write(path, {"phase": "Pending", **why})
        if not (HOME / f"job-{job_name}.json").exists():
            path.unlink()
            return
        time.sleep(POLL_S)
    container = job["spec"]["template"]["spec"]["containers"][0]
    with (HOME / f"log-{job_name}-{index}").open("ab") as log:
        process = subprocess.Popen(
            _command(container, _environment(container, index)),
            cwd=ROOT,
            env=_environment(container, index),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write(path, {"phase": "Running", "pid": process.pid})
    code = _follow(job, job_name, process)
    ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Completed"}
    if code:
        ended["reason"] = "Error"
    marked = HOME / f"mark-{job_name}-{index}.json"  # what a test says has happened to it
    told = json.loads(marked.read_text()) if marked.exists() else {}
    phase = "Succeeded" if code == 0 else "Failed"
    ended.update(told.pop("terminated", {}))
    write(path, {"phase": phase, "terminated": ended, **told})


def _why_pending(job: Object) -> Object | None:
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]
    if conf()["full"]:
        return {"unscheduled": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}
    if image != conf()["image"]:
        message = f'Back-off pulling image "{image}"'
        return {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    return None


def _environment(container: Object, index: str) -> dict[str, str]:
    found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for source in container.get("envFrom", []):
        found |= json.loads((HOME / f"secret-{source['secretRef']['name']}.json").read_text())
    found |= {item["name"]: item["value"] for item in container.get("env", [])}
    return found | {"JOB_COMPLETION_INDEX": index, "FAKE_KUBERNETES": str(HOME)}


def _command(container: Object, environment: dict[str, str]) -> list[str]:
    return [
        re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], word)
        for word in container["command"]
    ]


def _follow(job: Object, name: str, process: "subprocess.Popen[bytes]") -> int:
    """Its exit code; SIGTERM once the job is deleted or out of time, SIGKILL after the grace."""
    spec = job["spec"]
    began = time.monotonic()
    grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    asked_at: float | None = None
    while process.poll() is None:
        limit = conf().get("deadline_s", spec.get("activeDeadlineSeconds"))
        late = limit is not None and time.monotonic() - began > limit
        if asked_at is None and (late or not (HOME / f"job-{name}.json").exists()):
            asked_at = time.monotonic()
            process.send_signal(signal.SIGTERM)  # to the container's first process, no other
            if late:
                (HOME / f"deadline-{name}").touch()
        if asked_at is not None and time.monotonic() - asked_at > grace:
            end_now(process.pid)
        time.sleep(POLL_S)
    end_now(process.pid)
    return process.returncode


def end_now(pid: int) -> None:
    """What is left of a container goes with its first process."""
    try:
        first = psutil.Process(pid)
        processes = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


# --- asking -------------------------------------------------------------------------------------


def get(words: list[str]) -> None:
    kinds, *rest = words
    given = options(rest, "--selector", "--output")
    assert (kinds, given["--output"]) == ("jobs,pods", "json"), words
    key, _, value = given["--selector"].partition("=")
    items = []
    for path in sorted(HOME.glob("job-*.json")):
        job = json.loads(path.read_text())
        if job["metadata"]["labels"].get(key) != value:
            continue
        pods = [_pod(job, index) for index in range(job["spec"]["completions"])]
        present = [pod for pod in pods if pod is not None]
        items += [{**job, "status": _status(job, present)}]
        items += [pod for pod in present if pod["metadata"]["labels"].get(key) == value]
    sys.stdout.write(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))


def _pod(job: Object, index: int) -> Object | None:
    name = job["metadata"]["name"]
    try:
        seen = json.loads((HOME / f"pod-{name}-{index}.json").read_text())
    except FileNotFoundError:
        return None
    status: Object = {"phase": seen["phase"], "conditions": seen.get("conditions", [])}
    if "unscheduled" in seen:
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": seen["unscheduled"],
            }
        ]
    for state in ("waiting", "terminated"):
        if state in seen:
            status["containerStatuses"] = [{"name": "supervisor", "state": {state: seen[state]}}]
    labels = {**job["spec"]["template"]["metadata"]["labels"], "job-name": name}
    spec = {"nodeName": f"worker-{index}"} if seen["phase"] != "Pending" else {}
    metadata = {"name": f"{name}-{index}-x7k2p", "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _status(job: Object, pods: list[Object]) -> Object:
    phases = [pod["status"]["phase"] for pod in pods]
    if (HOME / f"deadline-{job['metadata']['name']}").exists():
        return {"conditions": [_condition("Failed", "DeadlineExceeded", "was active too long")]}
    if "Failed" in phases:
        message = "Job has reached the specified backoff limit"
        return {"conditions": [_condition("Failed", "BackoffLimitExceeded", message)]}
    if phases and all(phase == "Succeeded" for phase in phases):
        return {"conditions": [_condition("Complete", "CompletionsReached", "")]}
    return {"active": len(pods)}


def _condition(kind: str, reason: str, message: str) -> Object:
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": at,
    }


def delete(words: list[str]) -> None:
    kind, name, *rest = words
    assert kind == "job"
    given = options(rest, "--wait", "--ignore-not-found")
    path = HOME / f"job-{name}.json"
    if path.exists():
        path.unlink()
        sys.stdout.write(f'job.batch "{name}" deleted\n')
    elif "--ignore-not-found" not in given:
        fail(f'Error from server (NotFound): jobs.batch "{name}" not found')


def logs(words: list[str]) -> None:
    what, *rest = words
    lines = int(options(rest, "--tail")["--tail"])
    path = HOME / f"log-{what.removeprefix('job/')}-0"
    if not path.exists():
        fail(f'error: timed out waiting for the condition on "{what}"')
    sys.stdout.write("\n".join(path.read_text().splitlines()[-lines:]))


def auth(words: list[str]) -> None:
    can_i, verb, resource, *_ = words
    assert can_i == "can-i"
    may = f"{verb} {resource}" not in conf()["may_not"]
    sys.stdout.write("yes\n" if may else "no\n")
    sys.exit(0 if may else 1)


VERBS: dict[str, Callable[[list[str]], None]] = {
    "apply": apply,
    "get": get,
    "delete": delete,
    "logs": logs,
    "auth": auth,
    "kubelet": kubelet,
}


def install(folder: Path) -> None:
    """kubectl, in a folder for the PATH."""
    folder.mkdir(parents=True)
    command = shlex.join([sys.executable, __file__])
    (folder / "kubectl").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    (folder / "kubectl").chmod(0o755)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if conf()["down"] and verb != "kubelet":
        fail("The connection to the server 10.0.0.1:6443 was refused")
    VERBS[verb](rest)
