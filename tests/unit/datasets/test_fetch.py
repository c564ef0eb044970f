"""From a name to verified files: where is searched, what is believed, what is remembered."""

import hashlib
import io
import os
import stat
import tarfile
import threading
import zipfile

import faulty_server as web
import orjson
import pytest

from logpipe import datasets
from logpipe.datasets import Home, fetching
from logpipe.errors import InputError, OutputError, UnknownNameError


@pytest.fixture
def fetch(home, retries):
    """`fetch_dataset` into a temporary home."""

    def run(dataset, **arguments):
        arguments = {"home": home, "retries": retries} | arguments
        return fetching.fetch_dataset(dataset, **arguments)

    return run


def zipped(**members):
    """A zip file in memory; `__` in a name stands for a slash, `_log` for `.log`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_log", ".log"), content)
    return buffer.getvalue()


@pytest.fixture
def packed(catalogue, server):
    """A data set `c/z` of one zip file that the server has."""

    def make(data, pinned=True, members=None):
        server.files["/z.zip"] = data
        file = {"path": "z.zip"}
        if pinned:
            file["sha256"] = hashlib.sha256(data).hexdigest()
        entry = {
            "layout": "auto",
            "files": {"archive": file},
            "members": members or {"log": "*.log"},
        }
        return catalogue({"z": entry})["c/z"]

    return make


def test_a_file_is_fetched_once_and_verified_every_time(fetch, plain, server, home):
    """The second fetch finds it at home and asks nobody."""
    dataset = plain(b"some lines\n")

    first = fetch(dataset)
    second = fetch(dataset)

    assert home.folder / "datasets" / "c" / "d" / "a.log" == first.log_paths()[0]
    assert first.log_paths()[0].read_bytes() == b"some lines\n"
    assert {"log": f"{server.url}/d/a.log"} == first.origins
    assert second.origins == {"log": "home"}
    assert len(server.requests) == 1


def test_only_the_file_is_left_after_a_download(fetch, plain, home):
    """The .part file got the final name; its note is gone."""
    folder = fetch(plain()).log_paths()[0].parent

    assert [path.name for path in folder.iterdir()] == ["a.log"]


def test_wrong_bytes_are_never_used(fetch, plain, server, home):
    """The message says what was expected, found, done, and why it may have happened."""
    dataset = plain()
    server.script["/d/a.log"] += [web.wrong_bytes] * 9

    with pytest.raises(InputError, match=r"expected sha256 \w+, found \w+.*deleted.*Likely causes"):
        fetch(dataset)
    assert list((home.folder / "datasets" / "c" / "d").iterdir()) == []


def test_a_continued_download_that_is_wrong_is_tried_once_in_one_piece(fetch, plain, server, home):
    """A part of another version must not make the right version unreachable."""
    data = os.urandom(50_000)
    dataset = plain(data)
    part = home.folder / "datasets" / "c" / "d" / "a.log.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"old" * 1000)

    fetched = fetch(dataset)

    assert data == fetched.log_paths()[0].read_bytes()
    assert server.asked("/d/a.log") == ["bytes=3000-", None]
    assert "starting from its beginning" in fetched.notes[0]


def test_a_server_that_is_always_wrong_in_pieces_is_given_up(fetch, plain, server):
    """Two complete tries, then the error; no endless loop."""
    dataset = plain(os.urandom(50_000))
    server.files["/d/a.log"] = os.urandom(50_000)
    server.script["/d/a.log"] += [web.drop_after(20_000), web.serve] * 20

    with pytest.raises(InputError, match="expected sha256"):
        fetch(dataset)
    assert len(server.requests) == 4


def test_a_damaged_file_is_set_aside_and_fetched_again(fetch, plain, home):
    """Nothing is deleted, and the user is told."""
    dataset = plain(b"right\n")
    path = fetch(dataset).log_paths()[0]
    path.write_bytes(b"wrong\n")
    said = []

    fetched = fetch(dataset, note=said.append)

    assert path.read_bytes() == b"right\n"
    assert path.with_name("a.log.damaged").read_bytes() == b"wrong\n"
    assert tuple(said) == fetched.notes
    assert "renamed to a.log.damaged" in said[0]


def test_a_mirror_folder_is_used_in_place(fetch, plain, server, home, tmp_path):
    """No copy, no request, nothing written, not even below home."""
    dataset = plain(b"lines\n", mirror="there/a.log")
    place = tmp_path / "mirror" / "there" / "a.log"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"lines\n")
    place.chmod(0o444)

    fetched = fetch(dataset, mirror=tmp_path / "mirror")

    assert (place,) == fetched.log_paths()
    assert server.requests == []
    assert not home.folder.exists()
    assert stat.S_IMODE(place.stat().st_mode) == 0o444


@pytest.mark.parametrize("below", ["there/a.log", "c/d/a.log", "d/a.log", "a.log"])
def test_a_mirror_is_searched_by_its_own_path_then_ours_then_the_name(
    fetch, plain, server, tmp_path, below
):
    """Folders and addresses alike."""
    dataset = plain(b"lines\n", url="", mirror="there/a.log")
    place = tmp_path / "mirror" / below
    place.parent.mkdir(parents=True)
    place.write_bytes(b"lines\n")
    server.files = {f"/m/{below}": b"lines\n"}

    assert (place,) == fetch(dataset, mirror=tmp_path / "mirror").log_paths()
    assert {"log": f"{server.url}/m/{below}"} == fetch(dataset, mirror=f"{server.url}/m/").origins


def test_the_mirror_is_taken_from_the_environment(fetch, plain, tmp_path, monkeypatch):
    """LOGPIPE_MIRROR, unless an argument says otherwise."""
    (tmp_path / "a.log").write_bytes(b"lines\n")
    monkeypatch.setenv("LOGPIPE_MIRROR", str(tmp_path))

    assert (tmp_path / "a.log",) == fetch(plain(b"lines\n")).log_paths()


def test_a_mirror_folder_that_does_not_exist_is_an_error(fetch, plain, tmp_path, monkeypatch):
    """It was meant to be used, so silence would hide the mistake."""
    monkeypatch.setenv("LOGPIPE_MIRROR", str(tmp_path / "typo"))

    with pytest.raises(InputError, match=r"LOGPIPE_MIRROR should be an existing folder.*typo"):
        fetch(plain())


def test_wrong_bytes_in_a_mirror_folder_are_passed_over(fetch, plain, server, tmp_path):
    """The next place is asked, the mirror is not touched, and the user is told."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.log").write_bytes(b"other\n")

    fetched = fetch(plain(b"lines\n"), mirror=tmp_path / "m")

    assert {"log": f"{server.url}/d/a.log"} == fetched.origins
    assert "passed over: expected sha256" in fetched.notes[0].replace("was ", "")
    assert (tmp_path / "m" / "a.log").read_bytes() == b"other\n"


def test_a_mirror_that_is_down_is_asked_once_and_then_the_official_address(fetch, plain, server):
    """Not once for each path a mirror may have."""
    dataset = plain(b"lines\n", mirror="there/a.log")
    asked = []

    fetched = fetch(
        dataset,
        mirror="http://127.0.0.1:1/m",
        retries=datasets.Retries(sleep=asked.append),
    )

    assert {"log": f"{server.url}/d/a.log"} == fetched.origins
    assert len(asked) == 1


def test_a_file_without_address_says_that_a_mirror_is_needed(fetch, plain, tmp_path):
    """With a mirror that lacks it, the message says where it would have to be."""
    dataset = plain(url="", mirror="there/a.log")

    with pytest.raises(InputError, match=r"no address of its own; set LOGPIPE_MIRROR"):
        fetch(dataset)
    with pytest.raises(InputError, match=r"does not have it as there/a.log or c/d/a.log"):
        fetch(dataset, mirror=tmp_path)


def test_a_file_that_is_nowhere_names_every_place(fetch, plain, server):
    """So that one can look there oneself."""
    dataset = plain()
    server.files = {}

    with pytest.raises(InputError, match=r"c/d: cannot get a.log. .*/d/a.log: .* 404") as caught:
        fetch(dataset, mirror=f"{server.url}/m")
    assert f"{server.url}/m/c/d/a.log" in str(caught.value)


def test_an_unpinned_file_is_recorded_and_the_user_is_told(fetch, plain, home):
    """Its first sha256 is what later downloads are compared with."""
    fetched = fetch(plain(b"lines\n", pinned=False))

    sha256 = hashlib.sha256(b"lines\n").hexdigest()
    recorded = orjson.loads(home.lock_file.read_bytes())["files"]["c/d/a.log"]
    assert (sha256, 6) == (recorded["sha256"], recorded["size"])
    assert "No checksum of a.log is published" in fetched.notes[0]
    assert sha256 in fetched.notes[0]


def test_an_unpinned_file_is_recorded_once(fetch, plain, home):
    """The second time it is compared, and there is nothing to say."""
    dataset = plain(b"lines\n", pinned=False)
    fetch(dataset)

    assert fetch(dataset).notes == ()


def test_an_unpinned_file_that_changed_is_an_error(fetch, plain, server, home):
    """The message says when the old one was recorded, and how to accept the new one."""
    dataset = plain(b"lines\n", pinned=False)
    fetch(dataset).log_paths()[0].unlink()
    server.files["/d/a.log"] = b"other\n"

    with pytest.raises(InputError, match=r"recorded in .*datasets.lock.json on 2.*take its entry"):
        fetch(dataset)
    assert not home.place(dataset.files["log"]).exists()


def test_a_damaged_lock_file_is_an_error_and_stays(fetch, plain, home):
    """It holds the only checksums there are, so it is not written anew."""
    home.folder.mkdir()
    home.lock_file.write_bytes(b'{"version": 1, "files": {"x": {"sha256": 1}}}')

    with pytest.raises(InputError, match=r"datasets.lock.json: not a logpipe lock file"):
        fetch(plain(pinned=False))
    assert home.lock_file.read_bytes() == b'{"version": 1, "files": {"x": {"sha256": 1}}}'


def test_an_archive_is_unpacked_and_its_roles_are_found(fetch, packed, home):
    """Several members may play one role; they come sorted."""
    dataset = packed(
        zipped(a__two_log="2\n", a__one_log="1\n", labels="x"),
        members={"log": "*.log", "labels": "labels"},
    )

    fetched = fetch(dataset)

    assert [path.name for path in fetched.log_paths()] == ["one.log", "two.log"]
    assert fetched.log_paths()[0].read_bytes() == b"1\n"
    assert fetched.paths("labels")[0].read_bytes() == b"x"
    assert home.unpacked(dataset.files["archive"]) in fetched.log_paths()[0].parents


def test_an_archive_is_unpacked_once(fetch, packed):
    """The second fetch leaves the members as they are."""
    dataset = packed(zipped(a_log="1\n"))
    path = fetch(dataset).log_paths()[0]
    before = path.stat()

    assert (path,) == fetch(dataset).log_paths()
    assert (before.st_ino, before.st_mtime_ns) == (path.stat().st_ino, path.stat().st_mtime_ns)


def test_a_member_that_went_missing_is_unpacked_again(fetch, packed, server):
    """From the archive that is here."""
    dataset = packed(zipped(a_log="1\n"))
    path = fetch(dataset).log_paths()[0]
    path.unlink()

    assert fetch(dataset).log_paths()[0].read_bytes() == b"1\n"
    assert len(server.requests) == 1


def test_another_archive_of_the_same_name_is_not_recorded(fetch, packed, home):
    """An unpinned archive is believed for its members; without them nothing is remembered."""
    dataset = packed(zipped(other="1\n"), pinned=False)

    with pytest.raises(InputError, match=r"no member like '\*.log' \(log\); it has 1: other"):
        fetch(dataset)
    assert home.recorded() == {}


def test_a_hostile_archive_leaves_nothing_behind(fetch, catalogue, server, home):
    """Not even with the right checksum."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped.log"), io.BytesIO())
    server.files["/t.tar.gz"] = buffer.getvalue()
    entry = {
        "layout": "auto",
        "files": {"archive": {"path": "t.tar.gz"}},
        "members": {"log": "*"},
    }

    with pytest.raises(InputError, match=r"'../../escaped.log' would lie outside"):
        fetch(catalogue({"t": entry})["c/t"])
    assert list(home.folder.rglob("escaped*")) == []
    assert list(home.folder.rglob("*.tmp")) == []


def test_progress_is_told_for_the_download_and_the_unpacking(fetch, packed):
    """With the path, so that several at once can be told apart."""
    seen = []

    fetch(packed(zipped(a_log="1\n" * 10_000)), progress=lambda *facts: seen.append(facts))

    assert {"download", "unpack"} == {what for what, *_ in seen}
    assert {"c/z.zip"} == {path for _, path, *_ in seen}


def test_two_threads_fetch_one_file_once(fetch, plain, server):
    """The second waits and finds it at home."""
    dataset = plain(os.urandom(200_000))
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch(dataset))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(server.requests) == 1


def test_a_home_that_cannot_be_written_is_one_clear_error(plain, retries, tmp_path):
    """It names the folder and the setting."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match=r"cannot store data sets in .*; set LOGPIPE_HOME"):
        fetching.fetch_dataset(plain(), home=Home(tmp_path / "file"), retries=retries)


def test_locating_does_not_fetch(fetch, plain, packed, home, server):
    """It finds what fetch left, and says how to get what is missing."""
    dataset = plain()
    with pytest.raises(InputError, match=r"not on this machine; `logpipe datasets fetch c/d`"):
        fetching.locate_dataset(dataset, home=home)
    assert server.requests == []
    assert not home.folder.exists()

    fetch(dataset)
    assert fetching.locate_dataset(dataset, home=home).origins == {"log": "home"}


def test_locating_does_not_unpack(packed, home, tmp_path):
    """An archive in a mirror folder is not a data set yet."""
    data = zipped(a_log="1\n")
    (tmp_path / "z.zip").write_bytes(data)

    with pytest.raises(InputError, match="here but not unpacked"):
        fetching.locate_dataset(packed(data), home=home, mirror=tmp_path)
    assert not home.folder.exists()


def test_a_role_that_does_not_exist_is_named_with_those_that_do(fetch, plain):
    """For example a truth where there is none."""
    fetched = fetch(plain())

    assert fetched.truth_path() is None
    with pytest.raises(UnknownNameError, match=r"c/d has no 'labels'; it has log"):
        fetched.paths("labels")
