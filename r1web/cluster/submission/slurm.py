"""SLURM, by its own programs. Written for SLURM 21.08 and later."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from r1web.cluster.submission.system import JobView, Named, Phase, SiteError, ask, run
from r1web.runs.models import State

LOG_BYTES = 16 * 1024
WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
ENDINGS = {
    "COMPLETED": (State.FAILED, "ended, but how its run ended was not recorded"),
    "FAILED": (State.FAILED, "failed"),
    "OUT_OF_MEMORY": (State.FAILED, "was killed because it ran out of memory"),
    "CANCELLED": (State.STOPPED, "was cancelled outside of r1web"),
    "REVOKED": (State.STOPPED, "was cancelled outside of r1web"),
    "TIMEOUT": (State.STOPPED, "reached its time limit"),
    "DEADLINE": (State.STOPPED, "reached its deadline"),
    "PREEMPTED": (State.STOPPED, "was preempted"),
    "NODE_FAIL": (State.STOPPED, "was ended because a node failed"),
    "BOOT_FAIL": (State.STOPPED, "was ended because a node did not boot"),
}
"""SLURM's states of a job that is over. All that is neither here nor above counts as running."""


class Slurm:
    title = "SLURM"
    suffix = ".sh"

    def submit(self, file: Path) -> str:
        return ask("sbatch", "--parsable", str(file)).strip().partition(";")[0]

    def look(self, jobs: Sequence[Named]) -> Mapping[str, JobView]:
        """squeue forgets a job minutes after its end; then sacct is asked, if the site has it."""
        names = ",".join(job.name for job in jobs)
        queued = ask(
            "squeue", "--noheader", "--states=all", f"--name={names}", "--format=%j|%i|%T|%r|%N"
        )
        seen = dict(_queued(queued))
        missing = [job for job in jobs if job.name not in seen]
        return {**dict(_accounted(missing)), **seen} if missing else seen

    def cancel(self, key: str, *, only_waiting: bool) -> None:
        ask("scancel", "--quiet", *(["--state=PENDING"] if only_waiting else []), key)

    def check(self, file: Path) -> str:
        """What bash and sbatch find out without submitting. Raises SiteError."""
        ask("bash", "-n", str(file))
        said = run("sbatch", "--test-only", str(file)).stderr
        return " ".join(said.split()).removeprefix("sbatch: ")

    def missing_rights(self) -> list[str]:
        """None: whoever may submit may also look, and cancel what is his own."""
        ask("squeue", "--noheader", "--me")
        return []

    def log_end(self, key: str, file: Path) -> str:  # noqa: ARG002 - it went to a file
        try:
            with file.with_suffix(".log").open("rb") as log:
                log.seek(max(0, log.seek(0, 2) - LOG_BYTES))
                return log.read().decode("utf-8", errors="replace").replace("\0", "\ufffd")
        except FileNotFoundError:
            return ""


def _queued(lines: str) -> Iterator[tuple[str, JobView]]:
    for line in lines.splitlines():
        name, key, state, why, where = (part.strip() for part in line.split("|", 4))
        yield name, _view(key, state, why, where)


def _accounted(jobs: Sequence[Named]) -> Iterator[tuple[str, JobView]]:
    since = datetime.fromtimestamp(min(job.since for job in jobs) - 60, UTC)
    try:
        lines = ask(
            "sacct", "--noheader", "--parsable2", "--allocations",
            f"--name={','.join(job.name for job in jobs)}",
            f"--starttime={since:%Y-%m-%dT%H:%M:%S}",
            "--format=JobName,JobID,State,ExitCode,NodeList",
        )  # fmt: skip
    except SiteError:  # a site without accounting: what squeue has forgotten is gone
        return
    for line in lines.splitlines():
        name, key, state, code, where = line.split("|", 4)
        yield name, _view(key, state, f"exit code {code.partition(':')[0]}", where)


def _view(key: str, state: str, why: str, where: str) -> JobView:
    """`state` is one word, or in sacct "CANCELLED by 1000"."""
    word = state.split(maxsplit=1)[0].rstrip("+") if state.split() else ""
    if word in WAITING:
        return JobView(key, Phase.WAITING, why=why.strip("()"), where=where)
    if word not in ENDINGS:
        return JobView(key, Phase.RUNNING, where=where)
    outcome, words = ENDINGS[word]
    detail = f" ({why})" if word == "FAILED" and why not in {"", "None"} else ""
    return JobView(key, Phase.OVER, why=f"{words}{detail}", where=where, outcome=outcome)
