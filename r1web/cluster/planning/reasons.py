"""Why a run waits, in one sentence. The same queue gives the same words: they are stored."""

from collections.abc import Sequence
from dataclasses import replace

from r1web.cluster.planning.fleet import Fleet, Room
from r1web.cluster.planning.needs import CPU, GPU, Need
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
    has = _largest(need, kind, fleet) if need.nodes == 1 else _how_many(need, kind, fleet)
    spread = _spread(need, kind, fleet)
    advice = f": set hardware.nodes to {spread}" if spread else ""
    return f"Needs {_wanted(need, kind)}, but {has}{advice}."


def _largest(need: Need, kind: str, fleet: Fleet) -> str:
    largest = fleet.largest(need, kind)
    return f"the largest {_node(need)} has {largest}" if largest else "no node has one"


def _how_many(need: Need, kind: str, fleet: Fleet) -> str:
    enough, each = fleet.able_count(need, kind), need.count(kind)
    nodes = f"only {enough}" if enough else "no"
    have = f"{_node(need)}s have" if enough > 1 else f"{_node(need)} has"
    return f"{nodes} {have} {'one' if each == 1 else each}"


def _spread(need: Need, kind: str, fleet: Fleet) -> int | None:
    """The fewest nodes on which it would fit, were it spread over so many."""
    for nodes in range(1, need.processes + 1 if kind == GPU else 1):
        spread = replace(need, nodes=nodes)
        if need.processes % nodes == 0 and fleet.able_count(spread, kind) >= nodes:
            return nodes
    return None


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
    away = [room for room in able if room.node.state != "ready"]
    states = " or ".join(sorted({room.node.state for room in away}))
    return f"Waiting for {_names(away)}: {states} at present."


def first_in_line(rooms: Sequence[Room], *, makes_room: bool) -> str:
    where = _all(rooms)
    if makes_room:
        return f"First in line: runs of lower priority make room for it on {where}."
    what = "a free device" if len(rooms) == 1 else "free devices"
    return f"First in line: waiting for {what} on {where}."


def behind(need: Need, able: Sequence[Room]) -> str:
    """It waits like others before it, for nodes that are busy or kept."""
    kept = [
        room
        for room in able
        if room.kept and any(room.matching(need, kind) >= need.count(kind) for kind in need.kinds)
    ]
    if kept:
        verb = "is" if len(kept) == 1 else "are"
        return f"Waiting for its turn: {_all(kept)} {verb} kept for a run ahead of it."
    if need.nodes > 1:
        return f"Waiting for free devices on {need.nodes} of {len(able)} nodes."
    return f"Waiting for a free device on {_names(able)}."


def _wanted(need: Need, kind: str) -> str:
    if kind == CPU:
        wanted = "a CPU slot" if need.nodes == 1 else f"a CPU slot on each of {need.nodes} nodes"
    else:
        wanted = "a GPU" if need.processes == 1 else f"{need.processes} GPUs"
        wanted += f" named {need.gpu_model}" if need.gpu_model else ""
        wanted += f" of at least {need.gpu_memory_gb:g} GB" if need.gpu_memory_gb else ""
        wanted += " with native FP8" if need.native_fp8 else ""
        wanted += f" on {need.nodes} nodes of {need.count(kind)}" if need.nodes > 1 else ""
    labels = " and ".join(sorted(need.node_labels))
    if not labels:
        return wanted
    return (
        f"{wanted} labelled {labels}" if need.nodes > 1 else f"{wanted} on a node labelled {labels}"
    )


def _node(need: Need) -> str:
    """A node that has what the run asks for besides a number."""
    more = need.gpu_model or need.gpu_memory_gb or need.native_fp8 or need.node_labels
    return "such node" if more else "node"


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def _names(rooms: Sequence[Room]) -> str:
    if len(rooms) > NAMED:
        return f"any of {len(rooms)} nodes"
    return " or ".join(room.node.name for room in rooms)


def _all(rooms: Sequence[Room]) -> str:
    if len(rooms) > NAMED:
        return f"{len(rooms)} nodes"
    return " and ".join(room.node.name for room in rooms)
