"""Why a run waits, in one sentence. The same queue gives the same words: they are stored."""

from collections.abc import Sequence

from r1web.cluster.planning.fleet import Fleet, Room
from r1web.cluster.planning.needs import CPU, Need
from r1web.cluster.planning.snapshot import NodeView, ProjectView

NO_NODE = "No node is connected: start a worker."
ALL_CORDONED = "Every connected node is cordoned."
NAMED = 3
"""So many nodes are named; of more, only the number is told."""


def not_anywhere(need: Need, fleet: Fleet) -> str:
    """No registered node, whatever its state, could ever take the run."""
    if not fleet.shapes:
        return NO_NODE
    there = [kind for kind in need.kinds if fleet.largest(need, kind)]
    kind = there[0] if there else need.kinds[-1]
    largest = fleet.largest(need, kind)
    has = f"the largest node has {largest}" if largest else "no node has one"
    if largest and _asks_more_than_a_number(need):
        has = f"the largest such node has {largest}"
    return f"Needs {_wanted(need, kind)}, but {has}."


def over_quota(need: Need, project: ProjectView) -> str:
    return (
        f"Needs {_devices(need.devices)}, but project “{project.name}” may hold {project.quota} at "
        "once: raise its quota or ask for fewer."
    )


def at_quota(project: ProjectView) -> str:
    return f"Project “{project.name}” may hold {_devices(project.quota or 0)} at once: waiting."


def not_open(able: Sequence[Room], nodes: Sequence[NodeView]) -> str:
    """There are nodes for the run, but none takes anything at present."""
    connected = [node for node in nodes if node.state != "unreachable"]
    if not connected:
        return NO_NODE
    if all(node.state == "cordoned" for node in connected):
        return ALL_CORDONED
    states = " or ".join(sorted({room.node.state for room in able}))
    return f"Waiting for {_names(able)}: {states} at present."


def first_in_line(room: Room, *, makes_room: bool) -> str:
    if makes_room:
        return f"First in line: runs of lower priority make room for it on {room.node.name}."
    return f"First in line: waiting for a free device on {room.node.name}."


def behind(need: Need, able: Sequence[Room]) -> str:
    """It waits like others before it, for nodes that are busy or kept."""
    kept = [
        room
        for room in able
        if room.kept and any(room.matching(need, kind) >= need.count(kind) for kind in need.kinds)
    ]
    if kept:
        verb = "is" if len(kept) == 1 else "are"
        return f"Waiting for its turn: {_names(kept)} {verb} kept for a run ahead of it."
    return f"Waiting for a free device on {_names(able)}."


def _wanted(need: Need, kind: str) -> str:
    if kind == CPU:
        wanted = "a CPU slot"
    else:
        wanted = "a GPU" if need.processes == 1 else f"{need.processes} GPUs"
        wanted += f" named {need.gpu_model}" if need.gpu_model else ""
        wanted += f" of at least {need.gpu_memory_gb:g} GB" if need.gpu_memory_gb else ""
        wanted += " with native FP8" if need.native_fp8 else ""
    labels = " and ".join(sorted(need.node_labels))
    return f"{wanted} on a node labelled {labels}" if labels else wanted


def _asks_more_than_a_number(need: Need) -> bool:
    return bool(need.gpu_model or need.gpu_memory_gb or need.native_fp8 or need.node_labels)


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def _names(rooms: Sequence[Room]) -> str:
    if len(rooms) > NAMED:
        return f"any of {len(rooms)} nodes"
    return " or ".join(room.node.name for room in rooms)
