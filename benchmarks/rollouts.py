"""What a million completions take on disk, and how long a page and a search of them take.

    DATABASE_URL=sqlite:////tmp/rollouts.sqlite3 python -m benchmarks.rollouts

fills the database named, which must be empty, by the services that ingest calls, then asks through
the API within this process and prints the figures. The text is that of `benchmarks.rollout_text`;
three texts are planted in single completions. `--completions` makes it smaller. With `--times` what
was filled is written so many times over, one after the other, which is much faster than to make up
other text; each has its own segments. With `--asked` it asks a database that is filled already.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import zstandard

from benchmarks.rollout_text import completions

GROUP = 16
GROUPS_A_STEP = 100
BATCH = 200
"""Groups that are appended in one transaction."""
PLANTED = {0.02: " xylophone-quokka ", 0.5: " 混合 script ", 0.9: " the zebra said so "}
"""Where in the run, as a share of it, and what."""
REPEATS = 7

PAGES = {
    "newest": {},
    "by reward": {"sort": "-reward"},
    "by a part of the reward": {"sort": "rewards.format"},
    "by advantage": {"sort": "-advantage"},
    "by length": {"sort": "length"},
    "by log-probability": {"sort": "logprob_mean"},
    "truncated and wrong, longest first": {
        "sort": "-length", "where": ["finish_reason=length", "reward<0.5"],
    },
    "steps 100 to 120 with reflection": {
        "sort": "-reflections", "where": ["step>=100", "step<=120", "reflections>3"],
    },
}  # fmt: skip
SEARCHES = {
    "a frequent word": {"q": "statement"},
    "a rare text, near the beginning": {"q": "xylophone-quokka"},
    "a rare text, not ASCII": {"q": "混合"},
    "nowhere": {"q": "hippopotamus"},
    "nowhere, of parts that are frequent": {"q": "the statement of the exprossion"},
    "a number that is rare": {"q": "4831 * 2977"},
    "words, far apart": {"q": "zebra said", "mode": "words"},
    "regex with a rare text": {"q": r"xylo\w+-quo+kka", "mode": "regex"},
    "regex, nowhere, of classes only": {"q": r"\d{3},\d{3},\d{3}", "mode": "regex"},
    "two letters that are nowhere": {"q": "§§"},
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--completions", type=int, default=1_000_000)
    words.add_argument("--times", type=int, default=1, help="each completion is there so often")
    words.add_argument("--asked", action="store_true", help="the database is filled already")
    given = words.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "r1web.settings.test")
    import django  # noqa: PLC0415 - settings first

    django.setup()
    if not given.asked:
        _fill(given.completions // GROUP)
        _repeat(given.times - 1)
    _ask()


def _fill(groups: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415 - after Django's set-up

    from r1web.rollouts.services import seal_full  # noqa: PLC0415 - likewise

    call_command("migrate", verbosity=0)
    empty = _bytes()
    attempt = _attempt()
    began, characters, spent = time.monotonic(), 0, 0.0
    sample = bytearray()
    for batch in _batches(attempt, groups):
        characters += sum(len(one.text) for _, event in batch for one in event.completions)
        if len(sample) < 200_000_000:
            sample += "".join(one.text for _, event in batch for one in event.completions).encode()
        spent += _append(batch)
    sealing = time.monotonic()
    sealed = sum(1 for _ in seal_full())
    sealing = time.monotonic() - sealing
    taken = _bytes() - empty
    alone = len(zstandard.ZstdCompressor(level=3).compress(bytes(sample))) / len(sample)
    print(f"{groups * GROUP:,} completions, {characters:,} characters of text")
    print(f"zstd -3 makes {alone:.1%} of the text (its first {len(sample) / 1e6:.0f} MB, in one)")
    print(f"filled in {time.monotonic() - began:.0f} s, {spent:.0f} s of them in append_groups")
    print(f"sealed {sealed} segments in {sealing:.0f} s")
    print(f"{taken:,} bytes stored: {taken / characters:.3f} a character")


def _repeat(times: int) -> None:
    """Write all groups again, each time at later steps and in segments of their own."""
    from r1web.rollouts.models import Group, Segment  # noqa: PLC0415 - likewise
    from r1web.rollouts.services import seal_full  # noqa: PLC0415 - likewise

    originals = list(Segment.objects.order_by("number"))
    steps = Group.objects.order_by("-step").values_list("step", flat=True)[0]
    for time_ in range(1, times + 1):
        for segment in originals:
            number = segment.number + time_ * len(originals)
            groups = list(segment.groups.order_by("pk"))
            copy = Segment.objects.create(
                run_id=segment.run_id, number=number, dictionary=segment.dictionary
            )
            for group in groups:
                group.pk, group.segment, group.step = None, copy, group.step + time_ * steps
            Group.objects.bulk_create(groups, batch_size=BATCH)
    sealed = sum(1 for _ in seal_full())
    print(f"{Group.objects.count() * GROUP:,} completions in all, sealed {sealed} more segments")


def _attempt() -> Any:
    from r1web.accounts.models import Membership, Project, User  # noqa: PLC0415 - likewise
    from r1web.runs.models import Attempt  # noqa: PLC0415 - likewise
    from r1web.runs.services import create_run  # noqa: PLC0415 - likewise

    user = User.objects.create_user("bench", password="not for anybody")  # noqa: S106 - a throwaway
    project = Project.objects.create(slug="bench", name="Bench")
    Membership.objects.create(user=user, project=project, role=Membership.Role.OWNER)
    run = create_run(
        owner=user, project=project, preset="r1-zero-nano", name="million", overrides={}
    )
    return Attempt.objects.create(run=run, number=1)


def _append(batch: list[Any]) -> float:
    from django.db import transaction  # noqa: PLC0415 - likewise

    from r1web.rollouts.services import append_groups  # noqa: PLC0415 - likewise

    began = time.monotonic()
    with transaction.atomic():
        append_groups(batch)
    return time.monotonic() - began


def _batches(attempt: Any, groups: int) -> Iterator[list[Any]]:
    planted = {int(groups * share): text for share, text in PLANTED.items()}
    batch = []
    for place, told in enumerate(completions(1, groups, GROUP)):
        batch.append((attempt, _event(place, *told, planted.get(place, ""))))
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _event(place: int, question: str, answer: str, texts: list[str], planted: str) -> Any:
    from training.events import CompletionRecord, RolloutsEvent  # noqa: PLC0415 - likewise

    step, index = place // GROUPS_A_STEP + 1, place % GROUPS_A_STEP
    texts[3] = texts[3][:1000] + planted + texts[3][1000:]
    rewards = [float((place * 7 + each * 5) % 11 < 4) for each in range(len(texts))]
    mean = sum(rewards) / len(rewards)
    return RolloutsEvent(
        seq=1, time=0.0, step=step, group=index, policy_version=step - 1, answer=answer,
        prompt=f"A conversation between User and Assistant. User: {question} Assistant:",
        question=question,
        completions=[
            CompletionRecord(
                text=text, reward=reward,
                rewards={"accuracy": reward, "format": float(len(text) % 2)},
                advantage=reward - mean, length=len(text) // 4,
                finish_reason="length" if len(text) % 9 == 0 else "stop",
                logprob_mean=-len(text) / 4096 + (crc32(text.encode()) % 1000) / 1e6,
            )
            for text, reward in zip(texts, rewards, strict=True)
        ],
    )  # fmt: skip


def _bytes() -> int:
    """What all tables and indexes take, of PostgreSQL; what the file takes, of SQLite."""
    from django.db import connection  # noqa: PLC0415 - likewise

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return Path(connection.settings_dict["NAME"]).stat().st_size
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _ask() -> None:
    from django.test import Client  # noqa: PLC0415 - likewise

    from r1web.accounts.models import User  # noqa: PLC0415 - likewise
    from r1web.accounts.services import create_token  # noqa: PLC0415 - likewise
    from r1web.runs.models import Run  # noqa: PLC0415 - likewise

    token = create_token(user=User.objects.get(username="bench"), name=str(time.time())).secret
    path = f"/api/v1/runs/{Run.objects.get(name='million').pk}/completions"

    def get(path: str, query: dict[str, Any]) -> dict[str, Any]:
        answer = Client().get(path, query, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.content  # noqa: S101 - else there is no figure
        return dict(json.loads(answer.content))

    get(path, {})
    print("\npage of 50 completions, ms: median, worst")
    for name, query in PAGES.items():
        first = get(path, query)
        _report(name, lambda query=query: get(path, query), f"{first['matched']:,} match")
        if first["next_cursor"]:
            second = {**query, "cursor": first["next_cursor"]}
            _report("  its second page", lambda query=second: get(path, query), "")
    print("\nsearch, first answer, ms: median, worst")
    for name, query in SEARCHES.items():
        found = get(f"{path}/search", query)
        told = f"{len(found['items'])} hits in {found['searched']:,} of {found['total']:,}"
        _report(name, lambda query=query: get(f"{path}/search", query), told)


def _report(name: str, ask: Callable[[], Any], told: str) -> None:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1e3)
    print(f"{name:45} {statistics.median(times):7.1f} {max(times):7.1f}  {told}", flush=True)


if __name__ == "__main__":
    main()
