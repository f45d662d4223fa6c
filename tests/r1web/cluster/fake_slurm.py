"""A SLURM of one file: sbatch, squeue, sacct, scancel, scontrol, srun, and what they speak to.

Jobs are real processes. Beside each other in the folder that FAKE_SLURM names lie a file for each
job, and `conf.json`: what the cluster is like, which tests change while it is up. Options that it
does not know, and values that SLURM 22.05 refuses, are refused in SLURM's words.
"""

import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import psutil

HOME = Path(os.environ.get("FAKE_SLURM", "."))
CONF = {
    "nodes": 2,
    "cpus_per_node": 8,
    "gpus_per_node": 8,
    "partitions": ["debug", "gpu"],
    "full": False,
    "down": False,
    "accounting": True,
    "remembers": True,
    "time_limit_s": 10**6,
    "kill_wait_s": 10,
}
POLL_S = 0.05
Job = dict[str, Any]


def conf() -> dict[str, Any]:
    given = HOME / "conf.json"
    return {**CONF, **(json.loads(given.read_text()) if given.exists() else {})}


def fail(program: str, *lines: str) -> NoReturn:
    for line in lines:
        sys.stderr.write(f"{program}: error: {line}\n")
    sys.exit(1)


def refuse(*lines: str) -> NoReturn:
    """As options are refused."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.exit(255)


@contextmanager
def locked() -> Iterator[None]:
    with (HOME / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(key: str) -> Job:
    return json.loads((HOME / f"job-{key}.json").read_text())


def write(job: Job) -> None:
    beside = HOME / f".job-{job['key']}.{os.getpid()}"
    beside.write_text(json.dumps(job))
    beside.replace(HOME / f"job-{job['key']}.json")


def change(key: str, *, if_state: str | None = None, **fields: Any) -> bool:
    with locked():
        job = read(key)
        if if_state is not None and job["state"] != if_state:
            return False
        write({**job, **fields})
    return True


def jobs() -> list[Job]:
    with locked():
        return [json.loads(path.read_text()) for path in sorted(HOME.glob("job-*.json"))]


# --- sbatch -------------------------------------------------------------------------------------

NUMBER = re.compile(r"[1-9]\d*")
TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")
MEMORY = re.compile(r"\d+[KMGT]?")
WORD = re.compile(r"[\w.,@-]+")
ANY = re.compile(r".+")
FLAG = None
OPTIONS: dict[str, re.Pattern[str] | None] = {
    "account": WORD,
    "chdir": ANY,
    "comment": ANY,
    "constraint": ANY,
    "cpus-per-gpu": NUMBER,
    "cpus-per-task": NUMBER,
    "exclusive": FLAG,
    "export": ANY,
    "gpus-per-node": re.compile(r"([\w.-]+:)?[1-9]\d*"),
    "gres": ANY,
    "job-name": ANY,
    "mem": MEMORY,
    "no-requeue": FLAG,
    "nodes": re.compile(r"[1-9]\d*(-[1-9]\d*)?"),
    "ntasks-per-node": NUMBER,
    "open-mode": re.compile(r"append|truncate|a|t"),
    "output": ANY,
    "parsable": FLAG,
    "partition": WORD,
    "qos": WORD,
    "reservation": WORD,
    "signal": re.compile(r"([RB]+:)?([A-Z]+|\d+)(@\d{1,5})?"),
    "test-only": FLAG,
    "time": TIME,
}


def options(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, has_value, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in OPTIONS:
            refuse(
                f"sbatch: unrecognized option '{word}'", 'Try "sbatch --help" for more information'
            )
        pattern = OPTIONS[name]
        if pattern is None and has_value and name != "exclusive":
            refuse(f"sbatch: option '--{name}' doesn't allow an argument")
        if pattern is not None and not has_value:
            refuse(f"sbatch: option '--{name}' requires an argument")
        if pattern is not None and not pattern.fullmatch(value):
            invalid = f"Invalid --{name} specification"
            refuse("sbatch: error: " + INVALID.get(name, invalid).format(value))
        found[name] = value
    return found


INVALID = {
    "nodes": '"{}" is not a valid node count',
    "gpus-per-node": "Invalid generic resource (gres) specification",
}


def directives(script: Path) -> list[str]:
    """Until the first line that is neither empty nor a comment, as sbatch reads them."""
    lines = script.read_text().splitlines()
    if not lines or not lines[0].startswith("#!"):
        fail(
            "sbatch",
            "This does not look like a batch script.  The first line must start with #! followed "
            "by the path to an interpreter.",
        )
    found = []
    for line in lines[1:]:
        if line.strip() and not line.startswith("#"):
            break
        if line.startswith("#SBATCH"):
            found += shlex.split(line.removeprefix("#SBATCH"), comments=True)
    return found


def sbatch(words: list[str]) -> None:
    given = [word for word in words if word.startswith("--")]
    (script,) = [Path(word) for word in words if not word.startswith("--")]
    if not script.exists():
        fail("sbatch", f"Unable to open file {script}")
    asked = {**options(directives(script)), **options(given)}
    _require(asked)
    if "test-only" in asked:
        start = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
        cpus = int(asked.get("cpus-per-task", 1)) * int(asked.get("nodes", 1))
        sys.stderr.write(
            f"sbatch: Job 1 to start at {start} using {cpus} processors on nodes "
            f"{','.join(hosts(int(asked.get('nodes', 1))))} in partition "
            f"{asked.get('partition', 'debug')}\n"
        )
        return
    with locked():
        key = str(100 + len(list(HOME.glob("job-*.json"))))
        write(
            {
                "key": key,
                "name": asked.get("job-name", script.name),
                "state": "PENDING",
                "reason": "Priority",
                "hosts": hosts(int(asked.get("nodes", "1"))),
                "asked": asked,
                "script": script.read_text(),
                "environment": dict(os.environ) if asked.get("export") != "NONE" else {},
                "exit": "0:0",
            }
        )
    start_daemon("run", key)
    if conf().get("silent_after_submit"):  # taken, but the answer gets lost
        fail("sbatch", "Batch job submission failed: Socket timed out on send/recv operation")
    sys.stdout.write(f"{key}\n" if "parsable" in asked else f"Submitted batch job {key}\n")


def _require(asked: dict[str, str]) -> None:
    cluster = conf()
    failed = "Batch job submission failed: "
    if cluster["down"]:
        fail("sbatch", failed + "Unable to contact slurm controller (connect failure)")
    if (partition := asked.get("partition", "debug")) not in cluster["partitions"]:
        fail(
            "sbatch",
            f"invalid partition specified: {partition}",
            failed + "Invalid partition name specified",
        )
    nodes = int(asked.get("nodes", "1").split("-")[0])
    gpus = int(asked.get("gpus-per-node", "0").split(":")[-1])
    cpus = int(asked.get("cpus-per-task", "1")) * int(asked.get("ntasks-per-node", "1"))
    if (
        nodes > cluster["nodes"]
        or gpus > cluster["gpus_per_node"]
        or cpus > cluster["cpus_per_node"]
    ):
        fail("sbatch", failed + "Requested node configuration is not available")


def hosts(count: int) -> list[str]:
    return [f"node{number}" for number in range(1, count + 1)]


def start_daemon(*words: str) -> None:
    subprocess.Popen(
        [sys.executable, __file__, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(HOME / "daemon.log").open("ab"),
        start_new_session=True,
    )


# --- a job's life -------------------------------------------------------------------------------


def run(words: list[str]) -> None:
    """Wait for room, run the script, and write down how it ended; one process for each job."""
    (key,) = words
    while conf()["full"]:
        if read(key)["state"] != "PENDING":
            return
        time.sleep(POLL_S)
    if not change(key, if_state="PENDING", state="RUNNING", reason="None"):
        return
    job = read(key)
    script = HOME / f"script-{key}"
    script.write_text(job["script"])
    output = Path(job["asked"]["output"].replace("%%", "%"))
    with output.open("ab") as log:
        batch = subprocess.Popen(
            ["bash", str(script)], stdout=log, stderr=log, env=_environment(job), process_group=0
        )
    change(key, batch=batch.pid)
    _watch(key, job, batch)


def _environment(job: Job) -> dict[str, str]:
    nodes = len(job["hosts"])
    return {
        "PATH": os.environ["PATH"],
        **job["environment"],
        "FAKE_SLURM": str(HOME),
        "SLURM_JOB_ID": job["key"],
        "SLURM_JOB_NODELIST": f"node[1-{nodes}]" if nodes > 1 else "node1",
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_NTASKS_PER_NODE": job["asked"].get("ntasks-per-node", "1"),
    }


def _watch(key: str, job: Job, batch: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    warned = False
    asked = job["asked"].get("signal", "")
    number, _, early = asked.rpartition(":")[2].partition("@")
    while batch.poll() is None:
        left = conf()["time_limit_s"] - (time.monotonic() - began)
        if number and not warned and left <= int(early or 60):
            warned = True
            _signal(key, batch, getattr(signal, f"SIG{number}"), batch_too=asked.startswith("B:"))
        if left <= 0:
            _kill(key, batch)
            change(key, if_state="RUNNING", state="TIMEOUT", exit="0:0")
        time.sleep(POLL_S)
    code = batch.returncode
    ended = "COMPLETED" if code == 0 else "FAILED"
    exit_ = f"{code}:0" if code >= 0 else f"0:{-code}"
    reason = "None" if code == 0 else "NonZeroExitCode"
    change(key, if_state="RUNNING", state=ended, exit=exit_, reason=reason)


def _signal(key: str, batch: Any, number: int, *, batch_too: bool) -> None:
    """To everything in the steps; to the batch script only by B:, and then only to it."""
    if batch_too:
        os.kill(batch.pid, number)
        return
    for process in _in_steps(batch.pid):
        process.send_signal(number)


def _in_steps(batch_pid: int) -> list[psutil.Process]:
    """What srun has started, in whatever depth; a process group does not keep anything out."""
    try:
        descendants = psutil.Process(batch_pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    srun_itself = psutil.Process(batch_pid)  # the script has become it, by exec
    return [process for process in descendants if process != srun_itself]


def _kill(key: str, batch: Any) -> None:
    _signal(key, batch, signal.SIGTERM, batch_too=False)
    deadline = time.monotonic() + conf()["kill_wait_s"]
    while batch.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    end_now(batch.pid)


def end_now(batch_pid: int) -> None:
    try:
        everything = [psutil.Process(batch_pid), *_in_steps(batch_pid)]
    except psutil.NoSuchProcess:
        return
    for process in everything:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def srun(words: list[str]) -> None:
    """One process a node, SLURM_NODEID telling them apart; the highest exit code is ours."""
    known = {"export", "ntasks-per-node", "cpus-per-task", "kill-on-bad-exit"}
    command = list(words)
    while command[0].startswith("--"):
        name = command.pop(0).removeprefix("--").partition("=")[0]
        if name not in known:
            fail("srun", f"unrecognized option '--{name}'")
    nodes = int(os.environ["SLURM_JOB_NUM_NODES"])
    tasks = [
        subprocess.Popen(
            command,
            env={**os.environ, "SLURM_NODEID": str(rank), "SLURM_PROCID": str(rank)},
            start_new_session=True,
        )
        for rank in range(nodes)
    ]
    codes = [task.wait() for task in tasks]
    sys.exit(max(128 - code if code < 0 else code for code in codes))


def scontrol(words: list[str]) -> None:
    if words[:2] != ["show", "hostnames"]:
        fail("scontrol", f"invalid entity: {' '.join(words)}")
    name, _, numbers = words[2].rstrip("]").partition("[")
    if not numbers:
        sys.stdout.write(f"{name}\n")
        return
    first, _, last = numbers.partition("-")
    for number in range(int(first), int(last or first) + 1):
        # Real host names lead to real machines; these are all this one.
        sys.stdout.write(f"{conf().get('host') or f'{name}{number}'}\n")


# --- asking -------------------------------------------------------------------------------------


def squeue(words: list[str]) -> None:
    if conf()["down"]:
        fail(
            "squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
        )
    given = dict(word.removeprefix("--").partition("=")[::2] for word in words)
    if "me" in given:
        return
    assert given["format"] == "%j|%i|%T|%r|%N", given
    names = given["name"].split(",")
    for job in jobs():
        over = job["state"] not in {"PENDING", "RUNNING"}
        if job["name"] in names and (conf()["remembers"] or not over):
            where = "" if job["state"] == "PENDING" else ",".join(job["hosts"])
            line = (job["name"], job["key"], job["state"], job["reason"], where)
            sys.stdout.write("|".join(line) + "\n")


def sacct(words: list[str]) -> None:
    if not conf()["accounting"]:
        fail("sacct", "Slurm accounting storage is disabled")
    given = dict(word.removeprefix("--").partition("=")[::2] for word in words)
    assert given["format"] == "JobName,JobID,State,ExitCode,NodeList", given
    datetime.strptime(given["starttime"], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    for job in jobs():
        if job["name"] in given["name"].split(","):
            state = "CANCELLED by 1000" if job["state"] == "CANCELLED" else job["state"]
            line = (job["name"], job["key"], state, job["exit"], ",".join(job["hosts"]))
            sys.stdout.write("|".join(line) + "\n")


def scancel(words: list[str]) -> None:
    only_waiting = "--state=PENDING" in words
    (key,) = [word for word in words if not word.startswith("--")]
    if change(key, if_state="PENDING", state="CANCELLED") or only_waiting:
        return
    job = read(key)
    if change(key, if_state="RUNNING", state="CANCELLED"):
        start_daemon("end", str(job["batch"]))


def end(words: list[str]) -> None:
    """What slurmd does to a running job that is cancelled: SIGTERM, a while, SIGKILL."""
    pid = int(words[0])
    for process in _in_steps(pid):
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + conf()["kill_wait_s"]
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    end_now(pid)


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "sbatch": sbatch,
    "squeue": squeue,
    "sacct": sacct,
    "scancel": scancel,
    "scontrol": scontrol,
    "srun": srun,
    "run": run,
    "end": end,
}
COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "srun")


def install(folder: Path) -> None:
    """The commands, in a folder for the PATH."""
    folder.mkdir(parents=True)
    for name in COMMANDS:
        command = shlex.join([sys.executable, __file__, name])
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o755)


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
