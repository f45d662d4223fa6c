"""What is known of device models: the power they are built for, and how fast they are.

Power is NVIDIA's «max thermal design power», of the SXM form where there is one; speeds are the
peaks of its data sheets: dense bf16 on tensor cores, and memory bandwidth. An H800 is an H100 whose
links are slower, an A800 likewise an A100.
"""

from dataclasses import dataclass

CPU_SLOT = "CPU slot"
"""What the ledger and the price book call a device that is no GPU."""
UNKNOWN = "unknown device"

CPU_SLOT_W = 65
"""A guess: half of a desktop processor's 125 W."""
UNKNOWN_W = 400
"""A guess: an A100's."""


@dataclass(frozen=True)
class Card:
    name: str
    """Stands in the name that the driver tells."""
    watts: int
    tflops: float
    """10^12 bf16 operations a second."""
    gb_per_s: float
    """10^9 bytes a second."""


CARDS = (
    Card("B200", 1000, 2250, 8000),
    Card("H200", 700, 989, 4800),
    Card("H800", 700, 989, 3350),
    Card("H100 PCIe", 350, 756, 2000),
    Card("H100", 700, 989, 3350),
    Card("A800", 400, 312, 2039),
    Card("A100", 400, 312, 2039),
    Card("L40S", 350, 362, 864),
    Card("A10", 150, 125, 600),
    Card("L4", 72, 121, 300),
    Card("RTX 4090", 450, 165, 1008),
)
"""Of two that both stand in a name, the first one counts."""


def card(device_model: str) -> Card | None:
    """None for one that is not known."""
    name = device_model.lower()
    return next((found for found in CARDS if found.name.lower() in name), None)
