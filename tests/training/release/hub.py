"""A Hugging Face hub on loopback, as far as pushing a model needs one."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_secret_of_the_test"


class Hub(ThreadingHTTPServer):
    """Keeps what was committed, in `files`, and who asked for what, in `requests`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.requests: list[str] = []
        self.made: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.split("?")[0]
        self.server.requests.append(f"POST {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" and "yaml" not in path:
            self._answer({"error": "Invalid credentials in Authorization header"}, 401)
        elif answer := self._done(path, body):
            self._answer(answer)
        else:
            self._answer({"error": f"no such thing: {path}"}, 404)

    def _done(self, path: str, body: bytes) -> dict[str, Any] | None:
        match path.rsplit("/", 1)[-1]:
            case "create":
                self.server.made = json.loads(body)
                name = f"{self.server.made['organization']}/{self.server.made['name']}"
                return {"url": f"{self.server.url}/{name}"}
            case "main" if "/preupload/" in path:
                return {"files": [self._mode(file) for file in json.loads(body)["files"]]}
            case "batch":
                return self._batch(json.loads(body)["objects"])
            case "main" if "/commit/" in path:
                self._commit(body)
                url = f"{self.server.url}/me/model/commit/{'0' * 40}"
                return {"commitUrl": url, "commitOid": "0" * 40}
            case "validate-yaml":
                return {"errors": [], "warnings": []}
        return None

    def do_PUT(self) -> None:
        oid, body = self.path.removeprefix("/objects/"), self._body()
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.objects[oid] = body
        self.server.uploads.append(oid)
        self._answer({})

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path}")
        self._answer({"error": "Entry not found"}, 404)

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        large = file["path"].endswith(".safetensors")
        return {
            "path": file["path"],
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": False,
        }

    def _batch(self, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        """An object that is there already needs no upload, so it has no actions."""
        return {
            "transfer": "basic",
            "objects": [
                each
                if each["oid"] in self.server.objects
                else {
                    **each,
                    "actions": {"upload": {"href": f"{self.server.url}/objects/{each['oid']}"}},
                }
                for each in wanted
            ],
        }

    def _commit(self, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.files[value["path"]] = self.server.objects[value["oid"]]

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Its requests are kept instead."""


@contextmanager
def running_hub() -> Iterator[Hub]:
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()
