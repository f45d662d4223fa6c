"""Where a run's data and checkpoints come from, by what its journal has told.

Each attempt tells of itself when it begins a stage or goes on with it, so two attempts on other
hardware are two events, and nothing has to be kept beside them.
"""

from django.db.models import Q

from r1web.accounts.models import User
from r1web.provenance.line import mark
from r1web.provenance.schemas import (
    Ancestor,
    CheckpointLine,
    LineRun,
    Payload,
    ProvenanceOut,
    StageDecontamination,
    UsedDataset,
)
from r1web.runs.models import Checkpoint, Event, Run
from r1web.runs.selectors import visible_runs
from r1web.runs.selectors.paths import run_of_path
from training.events import DatasetCard, Decontamination

TYPE = "provenance"
MOST = 50
"""Checkpoints of an answer."""
LONGEST = 200
"""Links of a line."""
WITHHELD = "Of a run that you may not see."


def datasets_of(run: Run) -> list[UsedDataset]:
    """The cards of all that a run has read or evaluated on."""
    return _datasets(list(Event.objects.filter(run=run, type=TYPE).order_by("seq")))


def provenance_of(user: User, run: Run, *, most: int = MOST) -> ProvenanceOut:
    """With the lines of its newest checkpoints, so many at most."""
    told = list(Event.objects.filter(run=run, type=TYPE).order_by("seq"))
    there = run.checkpoints.filter(deleted_at=None).order_by("-step", "-pk")[:most]
    lines = Lines(user)
    return ProvenanceOut(
        datasets=_datasets(told),
        decontamination=_decontamination(told),
        checkpoints=[lines.of(checkpoint) for checkpoint in there],
    )


def _datasets(told: list[Event]) -> list[UsedDataset]:
    """A card for each role, with the stages that read it."""
    found: dict[tuple[str, str], UsedDataset] = {}
    for event in told:
        for each in event.payload["datasets"]:
            card = DatasetCard.model_validate(each)
            used = found.setdefault((card.id, card.role), UsedDataset(card=card, stages=[]))
            if event.payload["stage"] not in used.stages:
                used.stages.append(event.payload["stage"])
    return list(found.values())


def _decontamination(told: list[Event]) -> list[StageDecontamination]:
    """Of each stage what its newest attempt found."""
    newest = {event.payload["stage"]: event.payload["decontamination"] for event in told}
    return [
        StageDecontamination(stage=stage, found=Decontamination.model_validate(found))
        for stage, found in newest.items()
        if found is not None
    ]


class Lines:
    """Follows checkpoints from parent to parent, over runs; every run's events are read once."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._events: dict[int, list[Event]] = {}
        self._runs: dict[int, Run | None] = {}

    def of(self, checkpoint: Checkpoint) -> CheckpointLine:
        line: list[Ancestor] = []
        at: Checkpoint | None = checkpoint
        stage = ""
        while at is not None and len(line) < LONGEST:
            event = self._event(at)
            if event is None:
                line.append(_beginning("It was made before r1web told how.", at.path))
                break
            stage = stage or event.payload["stage"]
            run = self._run(at.run_id)
            line.append(_work(event, at, run))
            at, beginning = self._parent(event)
            if beginning is not None:
                line.append(beginning)
        mark(line)
        return CheckpointLine(
            id=checkpoint.pk, step=checkpoint.step, stage=stage, path=checkpoint.path, line=line
        )

    def _event(self, checkpoint: Checkpoint) -> Event | None:
        """What its attempt told last before it wrote it."""
        run = checkpoint.run_id
        if run not in self._events:
            found = Event.objects.filter(run=run, type=TYPE).order_by("seq")
            self._events[run] = list(found)
        mine = [
            event
            for event in self._events[run]
            if event.attempt_id == checkpoint.attempt_id and event.step < checkpoint.step
        ]
        return mine[-1] if mine else None

    def _parent(self, event: Event) -> tuple[Checkpoint | None, Ancestor | None]:
        origin: Payload = event.payload["stretch"]["parent"]
        path = origin["path"]
        if origin["kind"] != "checkpoint":
            words = {"shipped": "Shipped with the trainer.", "hub": "From the Hugging Face hub."}
            said = words.get(origin["kind"], "A model directory that no run has made.")
            return None, _beginning(said, path, origin["sha256"])
        run = run_of_path(path)
        if run is None:
            return None, _beginning("A checkpoint of no run here.", path, origin["sha256"])
        if self._run(run) is None:
            return None, _beginning(WITHHELD, "")
        found = self._checkpoint(run, path, before=event)
        if found is None:
            return None, _beginning("A checkpoint that is not known any more.", path)
        return found, None

    def _checkpoint(self, run: int, path: str, before: Event) -> Checkpoint | None:
        """The newest that had been written there by then: a place may be written to again."""
        inside = path.partition(f"{Run(pk=run).directory_name}/")[2]
        written = Checkpoint.objects.filter(run=run, path=inside)
        earlier = Q(run=before.run_id, attempt__gte=before.attempt_id, step__gt=before.step)
        return written.exclude(earlier).order_by("-pk").first()

    def _run(self, pk: int) -> Run | None:
        """None for one that the user may not see."""
        if pk not in self._runs:
            self._runs[pk] = visible_runs(self._user).filter(pk=pk).only("name").first()
        return self._runs[pk]


def _work(event: Event, checkpoint: Checkpoint, run: Run | None) -> Ancestor:
    stretch = event.payload["stretch"]
    here = stretch["environment"]
    return Ancestor(
        kind="work", said="", path=checkpoint.path, sha256=None, stage=stretch["stage"],
        run=LineRun(id=run.pk, name=run.name) if run else None,
        first_step=stretch["after_step"] + 1, last_step=checkpoint.step,
        digest=stretch["digest"], code_version=here["code"]["version"],
        commit=here["code"]["commit"], dirty=here["code"]["dirty"], versions=here["versions"],
        devices=here["devices"], datasets=stretch["datasets"], changed=[], notes=[],
    )  # fmt: skip


def _beginning(said: str, path: str, sha256: str | None = None) -> Ancestor:
    return Ancestor(
        kind="beginning", run=None, said=said, path=path, sha256=sha256, stage="",
        first_step=None, last_step=None, digest="", code_version="", commit=None, dirty=False,
        versions={}, devices=[], datasets=[], changed=[], notes=[],
    )  # fmt: skip
