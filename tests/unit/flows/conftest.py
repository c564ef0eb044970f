import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def prefect(tmp_path_factory):
    """A temporary Prefect server, database and result store for all flow tests together."""
    from flows.environment import prepare

    home = tmp_path_factory.mktemp("prefect")
    before = dict(os.environ)
    os.environ["PREFECT_HOME"] = str(home)
    prepare()
    from prefect.settings import (
        PREFECT_HOME,
        PREFECT_LOCAL_STORAGE_PATH,
        PREFECT_LOGGING_LEVEL,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    settings = {
        PREFECT_HOME: home,
        PREFECT_LOCAL_STORAGE_PATH: home / "storage",
        PREFECT_LOGGING_LEVEL: "CRITICAL",
    }
    with temporary_settings(settings), prefect_test_harness(server_startup_timeout=180):
        yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An output folder, a home of our own, no mirror."""
    monkeypatch.setenv("LOGPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOGPIPE_MIRROR", raising=False)
    return tmp_path / "results"


@pytest.fixture
def checkout():
    """The folder that holds `flows`."""
    import flows

    return Path(flows.__file__).parents[1]
