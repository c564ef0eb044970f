"""Unpacking: everything or nothing, and never outside the folder."""

import io
import tarfile
import zipfile

import pytest

from logpipe.datasets.unpack import MARKER, Limits, members_of, unpack
from logpipe.errors import InputError, OutputError


def tar(path, *members, mode="w:gz"):
    """A tar file of (name or TarInfo, content) pairs."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_file_becomes_plain_files(tmp_path, out, mode):
    """Whatever it is compressed with; folders are made as needed, empty members are kept."""
    archive = tar(tmp_path / "a", ("x/y/b.log", b"b\n"), ("./a.log", b""), mode=mode)

    members = unpack(archive, out, digest="d")

    assert [(m.path, m.size) for m in members] == [("x/y/b.log", 2), ("a.log", 0)]
    assert (out / "x" / "y" / "b.log").read_bytes() == b"b\n"
    assert members == members_of(out, "d")


def test_a_zip_file_becomes_plain_files(tmp_path, out):
    """The kind of archive follows from its bytes, not from its name."""
    with zipfile.ZipFile(tmp_path / "a.tar.gz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("empty")
        archive.writestr("x/a.log", b"a\n" * 1000)

    unpack(tmp_path / "a.tar.gz", out, digest="d")

    assert (out / "x" / "a.log").stat().st_size == 2000
    assert (out / "empty").is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "a/../../escaped",
        "/tmp/escaped",
        "C:/escaped",
        "a\\..\\escaped",
        "a/..",
    ],
)
def test_a_member_that_would_lie_outside_is_refused(tmp_path, out, name):
    """In zip and tar files, and nothing of the archive stays."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.log", b"x")
        archive.writestr(zipfile.ZipInfo(name), b"x")
    for path in (tmp_path / "a.zip", tar(tmp_path / "a.tar", ("good.log", b"x"), (name, b"x"))):
        with pytest.raises(InputError, match=r"would lie outside.*Nothing was unpacked"):
            unpack(path, out, digest="d")
    assert {"a.zip", "a.tar"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "info",
    [
        special("link", tarfile.SYMTYPE, "/etc/hostname"),
        special("link", tarfile.SYMTYPE, "good.log"),
        special("link", tarfile.LNKTYPE, "good.log"),
        special("device", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.linkname}",
)
def test_links_and_devices_in_a_tar_file_are_refused(tmp_path, out, info):
    """A link is a way out of the folder for whatever is written through it."""
    with pytest.raises(InputError, match="is a link or a device"):
        unpack(tar(tmp_path / "a", ("good.log", b"x"), (info, b"")), out, digest="d")
    assert not out.exists()


def test_a_link_in_a_zip_file_is_refused(tmp_path, out):
    """It is a file with a mode that says so."""
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(info, "/etc/hostname")

    with pytest.raises(InputError, match="is a link or a device"):
        unpack(tmp_path / "a", out, digest="d")


def test_a_bomb_is_stopped_by_its_ratio(tmp_path, out):
    """20 MB of zeros in 20 kB; the sizes in the archive are not believed, bytes are counted."""
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", bytes(20 << 20))

    with pytest.raises(InputError, match="grows to over 100 times the archive"):
        unpack(tmp_path / "a", out, digest="d", limits=Limits(ratio=100, floor=1 << 20))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_too_many_bytes_or_members_are_refused(tmp_path, out):
    """Limits count over all members."""
    archive = tar(tmp_path / "a", ("a", b"12345"), ("b", b"12345"))

    with pytest.raises(InputError, match=r"'b' goes beyond the 9 bytes"):
        unpack(archive, out, digest="d", limits=Limits(bytes=9))
    with pytest.raises(InputError, match=r"'b' is more than the 1 allowed"):
        unpack(archive, out, digest="d", limits=Limits(members=1))
    assert len(unpack(archive, out, digest="d", limits=Limits(bytes=10, members=2))) == 2


def test_two_members_of_one_name_are_refused(tmp_path, out):
    """Which one would be the file?"""
    with pytest.raises(InputError, match=r"'./a' is in the archive twice"):
        unpack(tar(tmp_path / "a", ("a", b"1"), ("./a", b"2")), out, digest="d")


def test_a_member_below_a_file_is_refused(tmp_path, out):
    """A file is no folder."""
    with pytest.raises(InputError, match="lies below another member that is a file"):
        unpack(tar(tmp_path / "a", ("a", b"1"), ("a/b", b"2")), out, digest="d")


@pytest.mark.parametrize("name", [MARKER, f"./{MARKER}"])
def test_a_member_cannot_forge_the_list_of_members(tmp_path, out, name):
    """Its name is reserved."""
    with pytest.raises(InputError, match="needs for itself"):
        unpack(tar(tmp_path / "a", (name, b"{}")), out, digest="d")


def test_a_name_that_is_not_utf8_is_refused(tmp_path, out):
    """No two systems would agree on it."""
    with pytest.raises(InputError, match="a name that is not one"):
        unpack(tar(tmp_path / "a", ("a\udcff.log", b"")), out, digest="d")


def test_an_encrypted_zip_is_refused(tmp_path, out):
    """There is no password to ask for."""
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("a.log", b"x")
    data = bytearray((tmp_path / "a").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a").write_bytes(data)

    with pytest.raises(InputError, match=r"'a\.log' is encrypted"):
        unpack(tmp_path / "a", out, digest="d")


def test_every_truncation_of_an_archive_is_refused_or_harmless(tmp_path, out):
    """A cut tar.gz or zip never gives a member that is not the whole one."""
    content = bytes(range(256)) * 8
    tar(tmp_path / "t", ("a.log", content))
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("a.log", content)
    for name in ("t", "z"):
        data = (tmp_path / name).read_bytes()
        for length in range(0, len(data), 7):
            (tmp_path / "cut").write_bytes(data[:length])
            try:
                members = unpack(tmp_path / "cut", out, digest="d")
            except InputError:
                continue
            assert all(content == (out / m.path).read_bytes() for m in members)


def test_an_existing_folder_is_replaced_as_a_whole(tmp_path, out):
    """No mixture of the old and the new archive."""
    unpack(tar(tmp_path / "a", ("old", b"1"), ("both", b"1")), out, digest="a")
    unpack(tar(tmp_path / "b", ("new", b"2"), ("both", b"2")), out, digest="b")

    assert {"new", "both", MARKER} == {path.name for path in out.iterdir()}
    assert members_of(out, "a") is None
    assert {"a", "b", "out"} == {path.name for path in tmp_path.iterdir()}


def test_a_folder_that_is_not_complete_has_no_members(tmp_path, out):
    """Missing, shortened, or without the list."""
    assert members_of(out) is None
    unpack(tar(tmp_path / "a", ("a", b"12")), out, digest="a")
    (out / "a").write_bytes(b"1")
    assert members_of(out) is None
    (out / "a").write_bytes(b"12")
    assert members_of(out) is not None
    (out / MARKER).write_bytes(b"[")
    assert members_of(out) is None


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    """Not the archive's fault."""
    with pytest.raises(OutputError, match="cannot unpack into"):
        unpack(tar(tmp_path / "a", ("a", b"")), tmp_path / "no" / "out", digest="d")
