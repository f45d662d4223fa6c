"""Appends points, and packs them. Call within the transaction that locks the run."""

from r1web.metrics.services.append import Known, Sample, append_points
from r1web.metrics.services.packing import pack_ended

__all__ = ["Known", "Sample", "append_points", "pack_ended"]
