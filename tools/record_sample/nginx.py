"""nginx before a small application: pages, an API, protected and broken places; the fault takes the application away."""

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import world

CONF = """
user www-data;
worker_processes 2;
daemon off;
pid /srv/sample/run/nginx.pid;
error_log /var/log/sample/nginx-error.log info;
events { worker_connections 128; }
http {
    access_log /var/log/sample/nginx-access.log combined;
    default_type text/plain;
    client_body_temp_path /srv/sample/web/tmp/body;
    proxy_temp_path /srv/sample/web/tmp/proxy;
    fastcgi_temp_path /srv/sample/web/tmp/fastcgi;
    uwsgi_temp_path /srv/sample/web/tmp/uwsgi;
    scgi_temp_path /srv/sample/web/tmp/scgi;
    limit_req_zone $binary_remote_addr zone=search:1m rate=8r/s;
    limit_conn_zone $binary_remote_addr zone=downloads:1m;
    client_max_body_size 100k;
    client_body_buffer_size 8k;
    client_header_timeout 3s;
    client_body_timeout 3s;
    large_client_header_buffers 2 1k;
    proxy_connect_timeout 1s;
    proxy_read_timeout 2s;
    upstream shop {
        server 127.0.0.1:8081 max_fails=2 fail_timeout=3s;
        server 127.0.0.1:8082 max_fails=2 fail_timeout=3s;
    }
    server {
        listen 127.0.0.1:80;
        server_name shop.example;
        root /srv/sample/web/html;
        location /api/ {
            proxy_pass http://shop;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_buffers 4 8k;
        }
        location /search { limit_req zone=search burst=6; try_files /search.html =404; }
        location /download/ { limit_conn downloads 1; limit_rate 60k; }
        location /reports/ { auth_basic "reports"; auth_basic_user_file /srv/sample/web/htpasswd; autoindex on; }
        location /internal/ { allow 127.0.0.1; deny all; }
        location /old/ { return 301 /; }
        location /loop { rewrite ^ /loop last; }
    }
}
"""

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:129.0) Gecko/20100101 Firefox/129.0",
    "shop-android/4.2.1",
    "curl/7.88.1",
]
BOTS = ["demo-crawler/1.3 (+http://crawler.example/about)", "feed-reader/0.9", ""]
NOT_THERE = [
    "/favicon.ico",
    "/robots.txt",
    "/wp-login.php",
    "/.env",
    "/img/99.png",
    "/static/old.js",
    "/admin/",
    "/index.php?lang=en",
]


class Server:
    def start(self) -> None:
        web = world.ROOT / "web"
        pages = web / "html"
        for folder in ("static", "img", "reports", "internal", "download", "empty"):
            (pages / folder).mkdir(parents=True)
        (web / "tmp").mkdir()
        rng = random.Random(1)
        for name in (
            "index.html",
            "search.html",
            "static/app.css",
            "static/app.js",
            "internal/status",
            "reports/week.csv",
        ):
            (pages / name).write_text("x" * rng.randrange(300, 9000))
        for number in range(1, 40):
            (pages / "img" / f"{number}.png").write_bytes(b"p" * rng.randrange(800, 20000))
        (pages / "download" / "catalogue.pdf").write_bytes(b"d" * 150_000)
        secret = pages / "img" / "secret.png"
        secret.write_bytes(b"s")
        secret.chmod(0o600)
        (web / "htpasswd").write_text("alice:{PLAIN}correct-horse\nfreya:{PLAIN}winter-apple\n")
        (web / "nginx.conf").write_text(CONF)
        shutil.copyfile(Path(__file__).parent / "shop_app.py", web / "shop_app.py")
        self.apps = {}
        for port in (8081, 8082):
            self._launch_app(port)
        self.process = world.spawn("nginx", "-c", str(web / "nginx.conf"))
        world.wait_for_port(80)
        # The first lines name the kernel of the recording machine; the record starts after them.
        os.truncate(world.LOG_DIR / "nginx-error.log", 0)

    def _launch_app(self, port: int) -> None:
        script = str(world.ROOT / "web" / "shop_app.py")
        sink = subprocess.DEVNULL
        self.apps[port] = world.spawn(sys.executable, "-E", script, str(port), stdout=sink, stderr=sink)

    def versions(self) -> dict:
        return {"nginx": world.output("nginx", "-v").strip().removeprefix("nginx version: ")}

    def stop(self) -> None:
        world.stop_process(self.process, signal.SIGQUIT)
        for app in self.apps.values():
            world.stop_process(app)

    def workers(self, stop: threading.Event, during_fault: threading.Event) -> list:
        self.stopping, self.broken = stop, during_fault
        return [self.browser, self.browser, self.browser, self.crawler, self.oddity, self.keeper]

    # -- normal use ------------------------------------------------------------------------------------------------

    def browser(self, rng: random.Random) -> None:
        """A visitor with one kept-alive connection: a page, its parts, some items, perhaps a cart."""
        source, agent = rng.choice(world.CLIENTS), rng.choice(AGENTS)
        visit = http.client.HTTPConnection(world.SERVER_ADDRESS, 80, 6, (source, 0))
        page = "http://shop.example/"
        self.ask(visit, "GET", "/", agent, "")
        for part in ("/static/app.css", "/static/app.js"):
            self.ask(visit, "GET", part, agent, page)
        for _ in range(rng.randrange(2, 25)):
            what = rng.randrange(20)
            item = f"/api/item?id={rng.randrange(1, 315)}"
            if what < 7:
                self.ask(visit, "GET", f"/img/{rng.randrange(1, 40)}.png", agent, page)
            elif what < 13:
                self.ask(visit, "GET", item, agent, page)
            elif what < 16:
                self.ask(visit, "POST", "/api/cart", agent, page + item[1:], b"i" * rng.randrange(10, 300))
            elif what == 16:
                self.ask(visit, "GET", f"/search?q=item+{rng.randrange(300)}", agent, page)
            elif what == 17:
                self.ask(visit, rng.choice(["HEAD", "PUT", "DELETE", "OPTIONS"]), item, agent, "")
            elif what == 18:
                self.ask(visit, "GET", rng.choice(NOT_THERE), agent, "")
            else:
                self.report(visit, rng, agent)
            self.stopping.wait(rng.expovariate(14))
        visit.close()
        self.stopping.wait(rng.expovariate(4))

    def report(self, visit, rng, agent) -> None:
        login = rng.choice(
            ["YWxpY2U6Y29ycmVjdC1ob3JzZQ==", "ZnJleWE6d2ludGVyLWFwcGxl", "YWxpY2U6d3Jvbmc=", "Ym9iOmJvYg==", ""]
        )
        extra = {"Authorization": f"Basic {login}"} if login else {}
        self.ask(visit, "GET", rng.choice(["/reports/week.csv", "/reports/"]), agent, "", None, extra)

    @staticmethod
    def ask(visit, method, path, agent, referer, body=None, extra=None) -> None:
        headers = {"Host": "shop.example", **(extra or {})}
        if agent:
            headers["User-Agent"] = agent
        if referer:
            headers["Referer"] = referer
        try:
            visit.request(method, path, body, headers)
            visit.getresponse().read()
        except (OSError, http.client.HTTPException):
            visit.close()

    def crawler(self, rng: random.Random) -> None:
        visit = http.client.HTTPConnection(world.SERVER_ADDRESS, 80, 6, (rng.choice(world.CRAWLERS), 0))
        agent = rng.choice(BOTS)
        for _ in range(rng.randrange(5, 30)):
            path = rng.choice(
                [
                    f"/img/{rng.randrange(1, 44)}.png",
                    "/",
                    f"/old/{rng.randrange(99)}",
                    *NOT_THERE,
                    f"/api/item?id={rng.randrange(1, 300)}",
                ]
            )
            self.ask(visit, "GET", path, agent, "")
            self.stopping.wait(rng.expovariate(12))
        visit.close()
        self.stopping.wait(rng.uniform(0.2, 1.5))

    def oddity(self, rng: random.Random) -> None:
        """Everything that nginx complains about."""
        what = rng.choice(
            [
                "crash",
                "garbage",
                "error",
                "slow",
                "big",
                "body",
                "report",
                "forbidden",
                "secret",
                "loop",
                "search",
                "download",
                "impatient",
                "bad",
                "bad",
                "long",
                "silent",
                "half",
                "dir",
                "old_http",
            ]
        )
        source, agent = rng.choice(world.CLIENTS), rng.choice(AGENTS)
        visit = http.client.HTTPConnection(world.SERVER_ADDRESS, 80, 6, (source, 0))
        paths = {
            "crash": "/api/crash",
            "garbage": "/api/garbage",
            "error": "/api/error",
            "report": "/api/report",
            "slow": f"/api/slow?s={rng.choice(['0.2', '0.5', '1.1', '3'])}",
            "forbidden": "/internal/status",
            "secret": "/img/secret.png",
            "loop": "/loop",
            "dir": rng.choice(["/empty/", "/img/"]),
        }
        if what in paths:
            self.ask(visit, "GET", paths[what], agent, "")
        elif what == "big":
            self.ask(visit, "POST", "/api/upload", agent, "", b"u" * rng.randrange(150_000, 900_000))
        elif what == "body":
            self.ask(visit, "POST", "/api/upload", agent, "", b"u" * rng.randrange(20_000, 90_000))
        elif what == "search":
            for _ in range(12):
                # One connection each, or the delayed answers would space the requests out.
                threading.Thread(
                    target=self.raw, args=(source, b"GET /search?q=%d HTTP/1.0\r\n\r\n" % rng.randrange(300), 2)
                ).start()
        elif what == "download":
            for _ in range(2):
                threading.Thread(
                    target=self.raw, args=(source, b"GET /download/catalogue.pdf HTTP/1.0\r\n\r\n", 1.5)
                ).start()
        elif what == "impatient":
            self.raw(source, b"GET /api/slow?s=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n", 0.2)
        elif what == "bad":
            self.raw(
                rng.choice(world.SCANNERS),
                rng.choice(
                    [
                        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                        b"HELP\r\n\r\n",
                        b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
                        b"GET / HTTP/1.1\r\n\r\n",
                        b"GET /%zz HTTP/1.0\r\n\r\n",
                        b"GET / HTTP/3.7\r\n\r\n",
                        b"\x03\x00\x00/*\xe0\r\n",
                        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
                        b"PROPFIND / HTTP/1.0\r\n\r\n",
                        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"GET /a\x00b HTTP/1.0\r\n\r\n",
                    ]
                ),
                0.3,
            )
        elif what == "long":
            long = b"x" * 1500
            self.raw(
                source,
                rng.choice(
                    [b"GET /" + long + b" HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\nCookie: " + long + b"\r\n\r\n"]
                ),
                0.3,
            )
        elif what == "silent":
            self.raw(rng.choice(world.SCANNERS), b"GET / HT", 4)
        elif what == "half":
            self.raw(
                source,
                b"POST /api/cart HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 500\r\n\r\nabc",
                rng.choice([0.2, 4]),
            )
        else:
            self.raw(source, b"GET / HTTP/1.0\r\n\r\n", 0.3)
        visit.close()
        self.stopping.wait(rng.uniform(0.1, 0.9))

    def raw(self, source: str, data: bytes, patience: float) -> None:
        try:
            with socket.create_connection((world.SERVER_ADDRESS, 80), 3, source_address=(source, 0)) as link:
                link.sendall(data)
                link.settimeout(patience)
                while link.recv(65536):
                    pass
        except OSError:
            pass

    def keeper(self, rng: random.Random) -> None:
        """Reload, reopen the logs, and once in a while a worker that dies."""
        self.stopping.wait(rng.uniform(25, 45))
        if self.stopping.is_set() or self.broken.is_set():
            return
        what = rng.choice(["reload", "reload", "reopen", "test"])
        if what == "test":
            world.quiet("nginx", "-c", str(world.ROOT / "web" / "nginx.conf"), "-t")
        else:
            world.quiet("nginx", "-c", str(world.ROOT / "web" / "nginx.conf"), "-s", what)

    # -- fault -----------------------------------------------------------------------------------------------------

    def fault(self, seconds: float, rng: random.Random) -> None:
        """One application process hangs, then both are gone, and an nginx worker is killed."""
        began = time.monotonic()
        self.stopping.wait(seconds * 0.15)
        self.apps[8081].send_signal(signal.SIGSTOP)
        self.stopping.wait(seconds * 0.2)
        self.apps[8081].send_signal(signal.SIGCONT)
        for app in self.apps.values():
            world.stop_process(app, signal.SIGKILL)
        self.stopping.wait(seconds * 0.15)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        self.stopping.wait(max(0, seconds * 0.75 - (time.monotonic() - began)))
        for port in self.apps:
            self._launch_app(port)
