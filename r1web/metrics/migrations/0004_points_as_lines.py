"""Every point becomes part of a line; `prune` puts the lines into pages."""

from array import array
from hashlib import blake2b
from itertools import groupby

import numpy as np
from django.db import migrations

from r1web.metrics.codec import Unpacker, absent, unpack_axes

BATCH = 2000


def to_lines(apps, schema_editor):
    Attempt = apps.get_model('runs', 'Attempt')
    Point = apps.get_model('metrics', 'Point')
    Line = apps.get_model('metrics', 'Line')
    for attempt, run in Attempt.objects.order_by('pk').values_list('pk', 'run'):
        points = Point.objects.filter(attempt=attempt).order_by('step', 'time', 'pk')
        rows = points.values_list('step', 'time', 'series', 'value').iterator(BATCH)
        layouts, lines = {}, []
        for (step, time), told in groupby(rows, key=lambda row: row[:2]):
            for values in _rounds((series, value) for *_, series, value in told):
                packed = array('d', (float('nan') if x is None else x for x in values.values()))
                layout = _layout(apps, run, tuple(values), layouts)
                lines.append(
                    Line(
                        attempt_id=attempt,
                        layout_id=layout,
                        step=step,
                        time=time,
                        values=packed.tobytes(),
                    )
                )
            if len(lines) >= BATCH:
                Line.objects.bulk_create(lines)
                lines = []
        Line.objects.bulk_create(lines)


def _rounds(told):
    """Values by series; one that was told several times at that moment in several of them."""
    rounds = []
    for series, value in told:
        free = next((values for values in rounds if series not in values), None)
        if free is None:
            free = {}
            rounds.append(free)
        free[series] = value
    return rounds


def _layout(apps, run, series, known):
    if series not in known:
        packed = array('q', series).tobytes()
        found, _ = apps.get_model('metrics', 'Layout').objects.get_or_create(
            run_id=run,
            digest=blake2b(packed, digest_size=16).digest(),
            defaults={'series': packed},
        )
        known[series] = found.pk
    return known[series]


def to_points(apps, schema_editor):
    Point = apps.get_model('metrics', 'Point')
    layouts = dict(apps.get_model('metrics', 'Layout').objects.values_list('pk', 'series'))
    for page in apps.get_model('metrics', 'Page').objects.filter(level=0).order_by('pk').iterator():
        Point.objects.bulk_create(_points_of_page(Point, page), BATCH)
    for line in apps.get_model('metrics', 'Line').objects.order_by('pk').iterator():
        series = np.frombuffer(layouts[line.layout_id], '<i8').tolist()
        values = np.frombuffer(line.values, '<f8').tolist()
        Point.objects.bulk_create(
            _point(Point, line.attempt_id, key, line.step, line.time, value)
            for key, value in zip(series, values)
        )


def _points_of_page(Point, page):
    unpacker = Unpacker()
    steps, times, _ = unpack_axes(page.axes, page.items, unpacker)
    for series, data in page.chunks.values_list('series', 'data'):
        (values,) = unpacker.columns(data, ('<f8',), page.items)
        for place in np.flatnonzero(~absent(values)):
            yield _point(
                Point,
                page.attempt_id,
                series,
                int(steps[place]),
                float(times[place]),
                float(values[place]),
            )


def _point(Point, attempt, series, step, time, value):
    return Point(
        attempt_id=attempt,
        series_id=series,
        step=step,
        time=time,
        value=None if np.isnan(value) else value,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('metrics', '0003_columns'),
    ]

    operations = [
        migrations.RunPython(to_lines, to_points),
    ]
