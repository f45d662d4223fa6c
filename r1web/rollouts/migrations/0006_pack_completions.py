"""Packs the completions of each group into its row, in batches of a transaction each.

Interrupted, it goes on where it was: a group that has a segment is done.
"""

from itertools import groupby
from math import isnan

from django.db import migrations, transaction

from r1web.rollouts.packing import (
    DICTIONARY_BYTES, FINISH_REASONS, PART, Packer, key_of, pack_scores, squeeze,
    unpack_scores, unsqueeze,
)
from r1web.rollouts.traits import other_script, reflections

BATCH = 100


def pack(apps, schema_editor):
    groups = apps.get_model('rollouts', 'Group').objects
    for run_id in groups.filter(segment=None).order_by().values_list('run_id', flat=True).distinct():
        left = list(groups.filter(run_id=run_id, segment=None).order_by('pk').values_list('pk', flat=True))
        while left:
            with transaction.atomic():
                segment, room = open_segment(apps, run_id)
                some = left[:min(room, BATCH)]
                pack_groups(apps, segment, some)
            left = left[len(some):]


def open_segment(apps, run_id):
    segments = apps.get_model('rollouts', 'Segment').objects
    newest = segments.filter(run_id=run_id).order_by('-number').first()
    if newest:
        room = min(16 * 4**newest.number, 1024) - newest.groups.count()
        if room:
            return newest, room
    number = newest.number + 1 if newest else 0
    dictionary = squeeze(last_texts(newest) if newest else b'')
    segment = segments.create(run_id=run_id, number=number, dictionary=dictionary)
    return segment, min(16 * 4**number, 1024)


def last_texts(segment):
    packer = Packer(unsqueeze(bytes(segment.dictionary)))
    texts = []
    for packed in segment.groups.order_by('-pk').values_list('texts', flat=True):
        texts = [*packer.unpack(bytes(packed)), *texts]
        if sum(map(len, texts)) >= DICTIONARY_BYTES:
            break
    return b''.join(texts)[-DICTIONARY_BYTES:]


def pack_groups(apps, segment, keys):
    packer = Packer(unsqueeze(bytes(segment.dictionary)))
    groups = apps.get_model('rollouts', 'Group').objects
    completions = apps.get_model('rollouts', 'Completion').objects
    rows = completions.filter(group_id__in=keys).order_by('group_id', 'index')
    written = {key: list(theirs) for key, theirs in groupby(rows, lambda row: row.group_id)}
    packed = list(groups.filter(pk__in=keys))
    for group in packed:
        theirs = written.get(group.pk, [])
        group.segment = segment
        group.prompt_key = key_of(group.prompt)
        group.size = len(theirs)
        group.texts = packer.pack([group.prompt, *(row.text for row in theirs)])
        group.scores = pack_scores(scores(group.prompt, theirs), errors(theirs))
    groups.bulk_update(packed, ['segment', 'prompt_key', 'size', 'texts', 'scores'], batch_size=20)


def scores(prompt, rows):
    parts = sorted({name for row in rows for name in row.rewards})
    return {
        'reward': [row.reward for row in rows],
        **{PART + name: [row.rewards.get(name) for row in rows] for name in parts},
        'advantage': [row.advantage for row in rows],
        'length': [row.length for row in rows],
        'finish_reason': [FINISH_REASONS.index(row.finish_reason) for row in rows],
        'logprob_mean': [row.logprob_mean for row in rows],
        'reflections': [reflections(row.text) for row in rows],
        'other_script': [other_script(row.text, prompt) for row in rows],
    }


def errors(rows):
    names = sorted({name for row in rows for name in row.reward_errors})
    return {name: [row.reward_errors.get(name) for row in rows] for name in names}


def unpack(apps, schema_editor):
    """The way back: each completion a row again."""
    for segment in apps.get_model('rollouts', 'Segment').objects.order_by('pk').iterator():
        packer = Packer(unsqueeze(bytes(segment.dictionary)))
        for group in segment.groups.order_by('pk').iterator():
            with transaction.atomic():
                unpack_group(apps, packer, group)


def unpack_group(apps, packer, group):
    Completion = apps.get_model('rollouts', 'Completion')
    prompt, *texts = [text.decode() for text in packer.unpack(bytes(group.texts))[: 1 + group.size]]
    numbers, missing = unpack_scores(bytes(group.scores))
    parts = {name.removeprefix(PART): each for name, each in numbers.items() if name.startswith(PART)}
    group.prompt, group.segment = prompt, None
    group.save(update_fields=['prompt', 'segment'])
    Completion.objects.bulk_create(
        Completion(
            group=group,
            index=index,
            text=text,
            reward=known(numbers['reward'][index]),
            rewards={n: float(each[index]) for n, each in parts.items() if not isnan(each[index])},
            reward_errors={n: each[index] for n, each in missing.items() if each[index] is not None},
            advantage=float(numbers['advantage'][index]),
            length=int(numbers['length'][index]),
            finish_reason=FINISH_REASONS[int(numbers['finish_reason'][index])],
            logprob_mean=known(numbers['logprob_mean'][index]),
        )
        for index, text in enumerate(texts)
    )


def known(number):
    return None if isnan(number) else float(number)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('rollouts', '0005_segments'),
    ]

    operations = [
        migrations.RunPython(pack, unpack),
    ]
