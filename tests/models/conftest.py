"""A real web server on this machine, which can be made to behave badly."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Site:
    """What the server serves, how, and what was asked of it."""

    content: bytes = b""
    status: int = 200
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which the answers, one after the other, are cut off."""
    knows_ranges: bool = True
    pause: threading.Event | None = None
    """What every answer waits for."""
    asked_from: list[int] = field(default_factory=list)
    """The byte each request began at."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/model.zip"


def _answering(site: Site) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "bytes=0-")
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            site.asked_from.append(start)
            if site.pause:
                site.pause.wait(20)
            if not site.knows_ranges:
                start = 0
            if site.status != 200 or (start and start >= len(site.content)):
                self.send_error(site.status if site.status != 200 else 416)
                return
            body = site.content[start:]
            self.send_response(206 if start else 200)
            if start:
                end = len(site.content)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answering


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that hangs up on what it refuses is no error here."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    site = Site()
    server = _Server(("127.0.0.1", 0), _answering(site))
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
