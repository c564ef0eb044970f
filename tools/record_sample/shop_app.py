"""The application behind nginx: a few endpoints, some of them broken on purpose. Runs as `python3 shop_app.py PORT`."""

import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "shop", ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/api/item":
            number = int(query.get("id", "1")) if query.get("id", "1").isdigit() else 0
            self.answer(200 if 0 < number <= 300 else 404, b'{"id": %d}' % number + b" " * (number % 97))
        elif url.path == "/api/slow":
            time.sleep(float(query.get("s", "1")))
            self.answer(200, b"{}")
        elif url.path == "/api/report":
            self.answer(200, b"row\n" * 60000)
        elif url.path == "/api/crash":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif url.path == "/api/garbage":
            self.wfile.write(b"this is no header\r\n\r\n")
            self.close_connection = True
        elif url.path == "/api/error":
            self.answer(500, b'{"error": "division by zero"}')
        else:
            self.answer(404, b'{"error": "no such thing"}')

    do_HEAD = do_DELETE = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/cart":
            reply = store(self.headers.get("X-Real-IP", "?"), len(body))
            self.answer(201 if reply.startswith(b"+") else 503, reply[:60])
        else:
            self.answer(200, b'{"ok": true}')

    do_PUT = do_POST

    def answer(self, status, body) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def store(who, size):
    """One SET in Redis; its error, if any, becomes the 503 that nginx logs."""
    command = f"SET cart:{who} {size} EX 60\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", 6379), 2) as redis:
            redis.sendall(command)
            return redis.recv(200) or b"-closed"
    except OSError as error:
        return f"-{error}".encode()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
