"""Whatever servers, archives and catalogues do: right bytes or an error, and never elsewhere."""

import contextlib
import hashlib
import io
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from logpipe.datasets.download import Retries, download
from logpipe.datasets.records import DatasetFile
from logpipe.datasets.unpack import MARKER, Limits, members_of, unpack
from logpipe.errors import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "datasets"))
import faulty_server as web


@pytest.fixture(scope="module")
def server():
    server = web.Server()
    yield server
    server.stop()


FAULTS = st.one_of(
    st.integers(0, 5000).map(web.drop_after),
    st.integers(0, 9000).map(web.announce),
    st.sampled_from(
        [
            web.serve,
            web.ignore_range,
            web.other_part,
            web.hang_up,
            web.gzipped,
            web.without_length,
            web.status(500),
            web.status(404),
            web.status(416),
            web.status(206, Content_Range="bytes 0-1/2"),
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=5000),
    script=st.lists(FAULTS, max_size=6),
    left=st.binary(max_size=6000),
)
def test_a_file_of_known_size_arrives_whole_or_not_at_all(server, data, script, left):
    """Honest bytes in dishonest wrapping: a download that succeeds has the known size, and every
    byte that did not come from an earlier run is in its place.
    """
    server.files["/f"] = data
    server.script["/f"].clear()
    server.script["/f"].extend(web.serve if b is web.other_part else b for b in script)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, "f.part")
        part.write_bytes(left)
        retries = Retries(attempts=3, timeout=2, sleep=lambda seconds: None)
        with contextlib.suppress(InputError):
            download(f"{server.url}/f", part, size=len(data), pinned=True, retries=retries)
            got = part.read_bytes()
            assert len(got) == len(data)
            assert all(
                a in (b, c) for a, b, c in zip(got, data, left.ljust(len(got)), strict=False)
            )


@settings(max_examples=60, deadline=None)
@given(
    old=st.binary(min_size=1, max_size=3000),
    new=st.binary(min_size=1, max_size=3000),
    script=st.lists(FAULTS, max_size=4),
)
def test_an_unpinned_file_is_never_a_mixture_of_two_versions(server, old, new, script):
    """The file changes on the server between two runs, and with it its ETag."""
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, "f.part")
        server.files["/f"], server.etag = old, '"old"'
        server.script["/f"].clear()
        server.script["/f"].append(web.drop_after(len(old) // 2))
        with contextlib.suppress(InputError):
            download(f"{server.url}/f", part, retries=Retries(attempts=1))
        server.files["/f"], server.etag = new, '"new"'
        server.script["/f"].clear()
        server.script["/f"].extend(script)
        retries = Retries(attempts=3, timeout=2, sleep=lambda seconds: None)
        with contextlib.suppress(InputError):
            download(f"{server.url}/f", part, retries=retries)
            # `announce` lies about where the file ends and nothing could tell; a prefix of the new
            # version is the worst it can do.
            assert new.startswith(part.read_bytes())


NAMES = st.one_of(
    st.sampled_from(["../x", "/x", "a/../../x", "..", ".", "a\\x", "C:x", MARKER, "a", "a/b"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
    st.lists(st.sampled_from(["a", "b", "..", ".", ""]), min_size=1, max_size=5).map("/".join),
)
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6)


def pack_zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def pack_tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@settings(max_examples=150, deadline=None)
@given(members=MEMBERS, pack=st.sampled_from([pack_zip, pack_tar]))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_member_ever_lies_outside_the_folder(members, pack):
    """All members with their bytes inside, or an error and nothing at all."""
    with tempfile.TemporaryDirectory() as folder:
        archive, out = Path(folder, "archive"), Path(folder, "deep", "out")
        out.parent.mkdir()
        archive.write_bytes(pack(members))
        try:
            found = unpack(archive, out, digest="d", limits=Limits(bytes=1000))
        except InputError:
            assert {path.name for path in Path(folder).rglob("*")} == {"archive", "deep"}
            return
        files = {path for path in out.rglob("*") if path.is_file() and path.name != MARKER}
        assert files == {out / m.path for m in found}
        assert {path.name for path in Path(folder).iterdir()} == {"archive", "deep"}
        assert members_of(out, "d") == found
        for member in found:
            content = (out / member.path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == member.sha256
            assert len(content) == member.size


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b", b"BZh"]))
@example(data=b"\x08", start=b"\x1f\x8b")
@example(data=b"\x08\x04", start=b"\x1f\x8b")
def test_arbitrary_bytes_are_refused_as_an_archive(data, start):
    """With an error of ours, and nothing left behind; an empty tar file is the exception."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive")
        archive.write_bytes(start + data)
        try:
            assert unpack(archive, Path(folder, "out"), digest="d") == []
        except InputError:
            assert [path.name for path in Path(folder).iterdir()] == ["archive"]


@given(path=NAMES)
def test_a_path_of_the_catalogue_stays_below_the_folder_it_is_joined_to(path):
    """Or the catalogue is refused."""
    try:
        file = DatasetFile(path=path)
    except ValidationError:
        return
    joined = Path("/root-of-all", file.path)
    assert joined.is_relative_to("/root-of-all")
    assert ".." not in joined.parts
    assert joined != Path("/root-of-all")
