"""A real HTTP server on this machine that misbehaves on request."""

import contextlib
import io
import tarfile
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self):
        """One request, by the script if it says something."""
        self.server.requests.append((self.path, dict(self.headers)))
        todo = self.server.script[self.path]
        behaviour = todo.popleft() if todo else serve
        self.close_connection = True
        data = self.server.files.get(self.path)
        if data is None and behaviour is serve:
            answer(self, 404, b"not here")
        else:
            behaviour(self, data or b"")

    def log_message(self, *args):
        """Nothing: the tests ask `requests`."""


class Server(ThreadingHTTPServer):
    """Serves `files` (path to bytes); `script[path]` is worked off first, one entry a request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.script: dict[str, deque[Behaviour]] = defaultdict(deque)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.etag = '"one"'
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def asked(self, path):
        """The value of Range in each request for a path, None where there was none."""
        return [headers.get("Range") for p, headers in self.requests if p == path]

    def stop(self):
        """End the thread and free the port."""
        self.shutdown()
        self.thread.join()
        self.server_close()


def answer(handler, status, body=b"", length=None, **headers):
    """Send a status, headers (`_` for `-`) and a body whose length may be a lie."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if length != "none":
        handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.send_header("Connection", "close")
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(body)


def _rest(handler, data):
    """(status, first byte, headers) that a correct server answers with."""
    etag = handler.server.etag
    asked = handler.headers.get("Range")
    condition = handler.headers.get("If-Range", etag)
    if asked and condition == etag:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            return 416, len(data), {"Content_Range": f"bytes */{len(data)}"}
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return 206, start, {"Content_Range": span, "ETag": etag}
    return 200, 0, {"ETag": etag}


def serve(handler, data):
    """As a good server does."""
    status, start, headers = _rest(handler, data)
    answer(handler, status, data[start:], **headers)


def drop_after(count):
    """Announce the right length and hang up after `count` bytes."""

    def behaviour(handler, data):
        status, start, headers = _rest(handler, data)
        answer(handler, status, data[start : start + count], len(data) - start, **headers)

    return behaviour


def ignore_range(handler, data):
    """All of it, whatever was asked for."""
    answer(handler, 200, data, ETag=handler.server.etag)


def ignore_if_range(handler, data):
    """The part that was asked for, although the file is another one now."""
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    span = f"bytes {start}-{len(data) - 1}/{len(data)}"
    answer(handler, 206, data[start:], Content_Range=span, ETag=handler.server.etag)


def other_part(handler, data):
    """A part that begins somewhere else than asked for."""
    span = f"bytes 1-{len(data) - 1}/{len(data)}"
    answer(handler, 206, data[1:], Content_Range=span, ETag=handler.server.etag)


def without_length(handler, data):
    """All of it, ended by hanging up."""
    answer(handler, 200, data, "none")


def announce(length):
    """Send all bytes under a wrong length."""

    def behaviour(handler, data):
        answer(handler, 200, data, length)

    return behaviour


def wrong_bytes(handler, data):
    """The right length, the wrong content."""
    answer(handler, 200, bytes(b ^ 0xFF for b in data), ETag=handler.server.etag)


def status(code, **headers):
    """Nothing but a status."""

    def behaviour(handler, data):
        answer(handler, code, b"a page for people", **headers)

    return behaviour


def gzipped(handler, data):
    """Claims an encoding nobody asked for."""
    answer(handler, 200, data, Content_Encoding="gzip")


def hang_up(handler, data):
    """Not even a status line."""


def stall(handler, data):
    """Half of it, then silence with the connection open."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.send_header("ETag", handler.server.etag)
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    handler.server.stalled.wait(5)


def packed_tar(members):
    """A tar.gz in memory from a mapping of name to content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
