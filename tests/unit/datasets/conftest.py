import hashlib
import os
import threading
from pathlib import Path

import pytest
import yaml
from faulty_server import Server

from logpipe.datasets import Home, Retries, load

MIRROR = os.environ.get("LOGPIPE_MIRROR")


@pytest.fixture
def mirror():
    """The folder with real data, for tests marked `mirror`."""
    if not MIRROR or not Path(MIRROR).is_dir():
        pytest.skip("LOGPIPE_MIRROR does not name a folder")
    return Path(MIRROR)


@pytest.fixture
def server():
    server = Server()
    server.stalled = threading.Event()
    yield server
    server.stalled.set()
    server.stop()


@pytest.fixture
def pauses():
    """The pauses that a download made instead of sleeping."""
    return []


@pytest.fixture
def retries(pauses):
    return Retries(attempts=4, delay=0.5, timeout=1.0, sleep=pauses.append)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    monkeypatch.delenv("LOGPIPE_MIRROR", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def catalogue(tmp_path, server):
    """Makes a catalogue of one collection `c` at the server from dataset entries."""

    def make(datasets, url=None):
        collection = {
            "title": "t",
            "licence": "free",
            "url": f"{server.url}/" if url is None else url,
            "datasets": datasets,
        }
        path = tmp_path / "datasets.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "collections": {"c": collection}}))
        return load(path)

    return make


@pytest.fixture
def plain(catalogue, server):
    """A data set `c/d` of one file `d/a.log` that the server has."""

    def make(data=b"first line\nsecond line\n" * 400, pinned=True, **changes):
        server.files["/d/a.log"] = data
        file = {"path": "d/a.log"}
        if pinned:
            file |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        files = {"log": file | changes}
        return catalogue({"d": {"layout": "auto", "files": files}})["c/d"]

    return make
