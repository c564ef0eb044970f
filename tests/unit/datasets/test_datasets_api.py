"""What the command line and the flows ask: plain data, no surprises."""

import hashlib
from pathlib import Path

import faulty_server as web
import orjson
import pytest
import yaml
import zstandard

from logpipe import datasets
from logpipe.datasets import Home, fetching
from logpipe.errors import InputError, UnknownNameError


@pytest.fixture
def known(monkeypatch, catalogue, server):
    """A catalogue with a pinned file, an unpinned file and an archive, used by the whole API."""
    tar = web.packed_tar({"a.log": b"1\n2\n"})
    server.files |= {"/d/a.log": b"lines\n", "/d/b.log": b"loose\n", "/z.tar.gz": tar}
    sums = {path: hashlib.sha256(data).hexdigest() for path, data in server.files.items()}
    pinned = {"path": "d/a.log", "size": 6, "sha256": sums["/d/a.log"]}
    archive = {"path": "z.tar.gz", "size": len(tar), "sha256": sums["/z.tar.gz"]}
    made = catalogue(
        {
            "a": {"layout": "auto", "lines": 1, "files": {"log": pinned}},
            "b": {"layout": "auto", "files": {"log": {"path": "d/b.log"}}},
            "z": {"layout": "auto", "files": {"archive": archive}, "members": {"log": "*.log"}},
        }
    )
    monkeypatch.setattr(datasets, "load", lambda: made)
    return made


def test_listing_asks_nobody_and_says_what_is_here(known, home, server, tmp_path):
    """Home, mirror or nowhere, by name and size."""
    (tmp_path / "m" / "d").mkdir(parents=True)
    (tmp_path / "m" / "d" / "a.log").write_bytes(b"lines\n")
    (tmp_path / "m" / "z.tar.gz").write_bytes(b"another size")
    fetching.fetch_dataset(known["c/b"], home=home)
    asked = len(server.requests)

    rows = datasets.list_rows(home=home, mirror=tmp_path / "m")

    assert {row["name"]: row["here"] for row in rows} == {"c/a": "mirror", "c/b": "home", "c/z": ""}
    assert datasets.available(home=home, mirror=tmp_path / "m") == ["c/a", "c/b"]
    assert (rows[0]["size"], rows[1]["size"]) == (6, None)
    assert orjson.loads(orjson.dumps(rows)) == rows
    assert len(server.requests) == asked


def test_showing_tells_the_whole_record_and_the_recorded_checksum(known, home):
    """As plain data; a file without a published checksum shows the one of its first download."""
    assert datasets.show("c/b", home=home)["files"]["log"]["recorded_sha256"] == ""
    fetching.fetch_dataset(known["c/b"], home=home)

    facts = datasets.show("c/b", home=home)

    assert facts["files"]["log"]["recorded_sha256"] == hashlib.sha256(b"loose\n").hexdigest()
    assert facts["here"] == facts["files"]["log"]["here"] == "home"
    assert orjson.loads(orjson.dumps(facts)) == facts


def test_paths_are_those_of_the_members_too(known, home):
    """Only after they were unpacked."""
    with pytest.raises(InputError, match="datasets fetch c/z"):
        datasets.path("c/z", home=home)
    datasets.fetch("c/z", home=home)

    paths = datasets.path("c/z", home=home)

    assert [Path(p).read_bytes() for p in paths["log"]] == [b"1\n2\n"]


def test_checking_reads_every_file_and_member(known, home):
    """Nothing is repaired, only told."""
    for name in known:
        fetching.fetch_dataset(known[name], home=home)
    assert {row["status"] for row in datasets.check(home=home)} == {"ok"}
    assert len(datasets.check(home=home)) == 4

    home.place(known["c/a"].files["log"]).write_bytes(b"LINES\n")
    home.place(known["c/b"].files["log"]).write_bytes(b"LOOSE\n")
    member = home.unpacked(known["c/z"].files["archive"]) / "a.log"
    member.write_bytes(b"1\n3\n")

    damaged = {r["dataset"]: r for r in datasets.check(home=home) if r["status"] == "damaged"}
    assert set(damaged) == {"c/a", "c/b", "c/z"}
    assert damaged["c/z"]["path"] == str(member)
    assert all("expected sha256" in row["problem"] for row in damaged.values())


def test_checking_what_was_never_recorded_says_so(known, home):
    """A file that was put there by hand and has no checksum anywhere."""
    place = home.place(known["c/b"].files["log"])
    place.parent.mkdir(parents=True)
    place.write_bytes(b"by hand\n")

    assert [row["status"] for row in datasets.check(["c/b"], home=home)] == ["unpinned"]


def test_checking_reads_the_mirror_too(known, home, tmp_path):
    """Its files are used in place, so they have to be right."""
    (tmp_path / "m" / "d").mkdir(parents=True)
    (tmp_path / "m" / "d" / "a.log").write_bytes(b"LINES\n")
    (tmp_path / "m" / "d" / "b.log").write_bytes(b"loose\n")

    rows = datasets.check(home=home, mirror=tmp_path / "m")

    assert {(row["dataset"], row["status"]) for row in rows} == {
        ("c/a", "damaged"),
        ("c/b", "unpinned"),
    }


def test_a_group_is_shown_with_its_data_sets(known, home):
    """What they have in common, and a row of each."""
    facts = datasets.show("c", home=home)

    assert (facts["group"], facts["licence"], facts["here"]) == ("c", "free", 0)
    assert facts["size"] is None  # one of them does not say
    assert [row["name"] for row in facts["datasets"]] == ["c/a", "c/b", "c/z"]


def test_an_unknown_name_is_the_same_error_everywhere(known, home):
    """With the group as a hint."""
    for ask in (datasets.fetch, datasets.path, datasets.show):
        with pytest.raises(UnknownNameError, match="Groups: c"):
            ask("c/x", home=home)
    with pytest.raises(UnknownNameError, match="Groups: c"):
        datasets.check(["c/x"], home=home)


def test_home_is_where_the_environment_says(monkeypatch, tmp_path):
    """LOGPIPE_HOME, else the platform's folder."""
    monkeypatch.setenv("LOGPIPE_HOME", str(tmp_path))
    assert Home().folder == tmp_path
    monkeypatch.delenv("LOGPIPE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Home().folder.name == "logpipe"


@pytest.mark.mirror
def test_the_official_apache_archive_arrives_over_a_bad_connection(server, home, mirror):
    """Loghub's Apache.tar.gz, served by a server that drops it twice, becomes 56,482 lines."""
    record = datasets.load()["loghub/Apache"]
    path = f"/m/{record.files['archive'].mirror}"
    server.files[path] = (mirror / record.files["archive"].mirror).read_bytes()
    server.script[path] += [web.drop_after(70_000), web.status(503), web.drop_after(100_000)]

    fetched = fetching.fetch_dataset(
        record,
        mirror=f"{server.url}/m",
        home=home,
        retries=datasets.Retries(sleep=lambda seconds: None),
    )

    data = fetched.log_paths()[0].read_bytes()
    assert server.asked(path) == [None, "bytes=70000-", "bytes=70000-", "bytes=170000-"]
    assert (len(data), data.count(b"\n")) == (5_135_876, 56_481)
    assert {row["status"] for row in datasets.check(["loghub"], home=home)} == {"ok"}


@pytest.mark.mirror
def test_everything_in_the_mirror_is_used_without_copying(home, mirror):
    """All single-file data sets, with the number of lines that the catalogue says."""
    for dataset in datasets.load().values():
        if dataset.archives or dataset.embedded:
            continue
        fetched = fetching.fetch_dataset(dataset, mirror=mirror, home=home)
        data = fetched.log_paths()[0].read_bytes()
        if data[:4] == b"\x28\xb5\x2f\xfd":
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        assert data.count(b"\n") + (not data.endswith(b"\n")) == dataset.lines, dataset.name
    assert not home.folder.exists()


def test_the_embedded_sample_needs_no_network_no_mirror_and_no_home(home):
    """Five servers, each with the number of lines and the layout that its own record says."""
    for dataset in datasets.load().group("sample"):
        fetched = fetching.fetch_dataset(dataset, mirror="http://127.0.0.1:1", home=home)
        about = yaml.safe_load(fetched.truth_path("fault-window").read_text("utf-8"))
        name = dataset.name.removeprefix("sample/")
        with zstandard.open(fetched.log_paths()[0], "rb") as log:
            assert log.read().count(b"\n") == dataset.lines
        assert about["files"][f"{name}.log"]["lines"] == dataset.lines
        assert about["files"][f"{name}.log"]["layout"] == dataset.layout
        assert fetched.truth_path().parent.name == "truth"
        assert dataset.size == 0
    assert {row["status"] for row in datasets.check(["sample"], home=home)} == {"ok"}
    assert not home.folder.exists()


def test_the_catalogue_is_plain_yaml():
    """Other tools may read it."""
    content = yaml.safe_load(datasets.catalogue_path().read_text("utf-8"))

    assert content["version"] == 1
