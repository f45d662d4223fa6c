"""A network of this machine's own: nodes in namespaces with their addresses, on one switch.

The switch is a bridge; this machine has an address on it too, behind which its PostgreSQL and Redis
can be reached. Making one needs root.
"""

import contextlib
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SUBNET = f"10.{os.getpid() // 256 % 200 + 20}.{os.getpid() % 256}"
HOST = f"{SUBNET}.254"


def why_no_network() -> str:
    """Why there can be none here; empty when there can."""
    name = f"r1web-try-{os.getpid()}"  # others may be trying, too
    tried = subprocess.run(
        ["ip", "netns", "add", name], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"needs network namespaces: {tried.stderr.strip()}"
    ip("netns", "del", name)
    return ""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@dataclass
class Network:
    switch: str = f"r1s{os.getpid()}"
    nodes: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """A node with an address of its own."""
        self.nodes.append(name)
        space, port = self.space(name), self.port(name)
        ip("netns", "add", space)
        ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("-n", space, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            ip("-n", space, "link", "set", device, "up")
        ip("link", "set", port, "master", self.switch, "up")

    def address(self, name: str) -> str:
        return f"{SUBNET}.{self.nodes.index(name) + 1}"

    def space(self, name: str) -> str:
        return f"r1web-{os.getpid()}-{name}"

    def port(self, name: str) -> str:
        """The switch's end of the node's cable."""
        return f"r1{name}{os.getpid()}"

    def on(self, name: str) -> list[str]:
        """What to put before a command that is to run there."""
        return ["ip", "netns", "exec", self.space(name)]

    def part(self, cut: bool) -> None:
        """Cut the nodes off from each other, or let them meet again; this machine hears all."""
        for name in self.nodes:
            state = "on" if cut else "off"
            ip("link", "set", "dev", self.port(name), "type", "bridge_slave", "isolated", state)

    def unplug(self, name: str) -> None:
        """Nothing gets through to the node any more, nor from it; nobody is told."""
        ip("link", "set", self.port(name), "nomaster")

    def plug(self, name: str) -> None:
        ip("link", "set", self.port(name), "master", self.switch)


@contextmanager
def network(*nodes: str) -> Iterator[Network]:
    made = Network()
    try:
        ip("link", "add", made.switch, "type", "bridge")
        ip("address", "add", f"{HOST}/24", "dev", made.switch)
        ip("link", "set", made.switch, "up")
        for name in nodes:
            made.add(name)
        yield made
    finally:
        for name in made.nodes:
            # By itself the cable would go some time after its namespace.
            subprocess.run(["ip", "link", "del", made.port(name)], check=False)
            subprocess.run(["ip", "netns", "del", made.space(name)], check=False)
        subprocess.run(["ip", "link", "del", made.switch], check=False)


@contextmanager
def reached_from_network(port: int) -> Iterator[int]:
    """A port of HOST that leads to this machine's own one of loopback."""

    opened: list[socket.socket] = []

    class Pass(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as inner:
                opened.append(inner)
                back = threading.Thread(target=_pump, args=(inner, self.request), daemon=True)
                back.start()
                _pump(self.request, inner)
                back.join()

    with socketserver.ThreadingTCPServer((HOST, 0), Pass) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
        for inner in opened:  # one that was cut off would stay open for ever
            with contextlib.suppress(OSError):
                inner.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
