"""What is known of device models: the power they are built for, and how fast they are.

Power is NVIDIA's «max thermal design power»; speeds are the peaks of its data sheets: dense bf16
on tensor cores (half of the figure with sparsity where there is no other), and memory bandwidth.
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
    source: str


H100 = "NVIDIA H100 data sheet"
H200 = "NVIDIA H200 data sheet"
A100 = "NVIDIA A100 data sheet (nvidia-a100-datasheet-us-nvidia-1758950-r4)"
H800 = "NVIDIA publishes none: as an H100, with NVLink of 400 instead of 900 GB/s"
A800 = "NVIDIA publishes none: as an A100, with NVLink of 400 instead of 600 GB/s"
L40 = "NVIDIA L40 and L40S data sheets"

CARDS = (
    Card("GB200", 1200, 2500, 8000, "NVIDIA Blackwell Architecture Technical Brief"),
    Card("B200", 1000, 2250, 8000, "NVIDIA Blackwell Architecture Technical Brief, HGX B200"),
    Card("H200 NVL", 600, 836, 4800, H200),
    Card("H200", 700, 989, 4800, H200),
    Card("H800", 700, 989, 3350, H800),
    Card("H100 PCIe", 350, 756, 2000, "NVIDIA H100 PCIe product brief PB-11133-001; " + H100),
    Card("H100", 700, 989, 3350, H100),
    Card("A800", 400, 312, 2039, A800),
    Card("A100-PCIE-40GB", 250, 312, 1555, "NVIDIA A100 40GB PCIe product brief PB-10137-001"),
    Card("A100 80GB PCIe", 300, 312, 1935, "NVIDIA A100 80GB PCIe product brief PB-10577-001"),
    Card("A100-SXM4-40GB", 400, 312, 1555, A100),
    Card("A100", 400, 312, 2039, A100),
    Card("L40S", 350, 362, 864, L40),
    Card("L40", 300, 181, 864, L40),
    Card("A10", 150, 125, 600, "NVIDIA A10 data sheet"),
    Card("L4", 72, 121, 300, "NVIDIA L4 data sheet"),
    Card("RTX 4090", 450, 165, 1008, "NVIDIA Ada GPU Architecture, appendix: with FP32 accumulate"),
)
"""Of two that both stand in a name, the first one counts."""


def card(device_model: str) -> Card | None:
    """None for one that is not known."""
    name = device_model.lower()
    return next((found for found in CARDS if found.name.lower() in name), None)
