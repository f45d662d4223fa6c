"""Indexes segments that are full: their numbers as columns, their texts by a signature."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from r1web.rollouts.columns import READ, Columns, columns_of, pack_column
from r1web.rollouts.models import Column, Segment, SignaturePart
from r1web.rollouts.signature import Bits, fold, parts, sign


def seal_full() -> Iterator[Segment]:
    """Seal each segment that another follows; the caller may stop after any."""
    later = Segment.objects.filter(run=OuterRef("run"), number__gt=OuterRef("number"))
    for segment in Segment.objects.filter(Exists(later), sealed_at=None).order_by("pk"):
        seal(segment)
        yield segment


def seal(segment: Segment) -> None:
    """Index the segment, unless somebody else was faster."""
    groups = list(segment.groups.filter(size__gt=0).order_by("pk"))
    for group in groups:
        group.segment = segment  # and with it its dictionary, unpacked once
    texts = [fold(b"\0".join(group.searched)) for group in groups]
    rows = segment.groups.order_by("pk").values_list(*READ)
    _write(segment, columns_of(list(rows)), sign(texts))


@transaction.atomic
def _write(segment: Segment, columns: Columns, bits: Bits) -> None:
    sealed = {"sealed_at": timezone.now(), "completions": len(columns["step"])}
    if not Segment.objects.filter(pk=segment.pk, sealed_at=None).update(**sealed):
        return
    Column.objects.bulk_create(
        Column(segment=segment, name=name, data=pack_column(column))
        for name, column in columns.items()
    )
    SignaturePart.objects.bulk_create(
        SignaturePart(segment=segment, number=number, data=data) for number, data in parts(bits)
    )
