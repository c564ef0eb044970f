"""datasets.yaml: what it has to contain, and how its mistakes are told."""

from collections import defaultdict
from pathlib import Path

import pytest

from logpipe import datasets
from logpipe.datasets import catalogue_path, load
from logpipe.datasets.home import digests
from logpipe.errors import InputError, UnknownNameError

SYSTEMS = [
    *("Android", "Apache", "BGL", "HDFS", "HPC", "Hadoop", "HealthApp", "Linux"),
    *("Mac", "OpenSSH", "OpenStack", "Proxifier", "Spark", "Thunderbird", "Windows", "Zookeeper"),
]

GOOD = """\
version: 1
collections:
  c:
    title: t
    licence: free
    url: https://a.example/x/
    datasets:
      d:
        layout: auto
        files:
          log:
            path: d/a.log
"""


@pytest.fixture
def write(tmp_path):
    """A catalogue from text in which one passage was replaced."""

    def make(old="", new="", text=GOOD):
        assert old in text
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace(old, new, 1))
        return path

    return make


def test_every_published_collection_is_there():
    """16 systems three times (two of them only twice), the whole archives, the HDFS sample."""
    groups = {name: [d.name for d in load().group(name)] for name in load().groups}

    assert groups["loghub-2k"] == [f"loghub-2k/{s}" for s in SYSTEMS]
    assert groups["loghub-2k-khan"] == [f"loghub-2k-khan/{s}" for s in SYSTEMS]
    assert groups["loghub-2.0-2k"] == [
        f"loghub-2.0-2k/{s}" for s in SYSTEMS if s not in ("Android", "Windows")
    ]
    assert {name: len(groups[name]) for name in ("loghub", "loghub-2.0", "loghub-2.0-full")} == {
        "loghub": 19,
        "loghub-2.0": 14,
        "loghub-2.0-full": 2,
    }
    assert groups["hdfs-2percent"] == ["hdfs-2percent/HDFS"]


def test_every_loghub_archive_has_its_published_checksum():
    """Size, md5 and sha256 of all 19."""
    files = [d.files["archive"] for d in load().group("loghub")]

    assert all(file.size and file.md5 and file.sha256 for file in files)


def test_where_no_checksum_is_published_none_is_invented():
    """13 of the 14 Loghub-2.0 archives; everything else is pinned or in the package."""
    loose = [
        d.name
        for d in load().values()
        if any(not file.pinned and not file.package for file in d.files.values())
    ]

    assert len(loose) == 13
    assert {name.partition("/")[0] for name in loose} == {"loghub-2.0"}
    assert "loghub-2.0/HDFS" not in loose


def test_no_two_files_have_the_same_checksum_by_mistake():
    """Only editions that really share a raw log may: the rest would be a slip of the pen."""
    by_sum = defaultdict(set)
    for file in (f for d in load().values() for f in d.files.values() if f.sha256):
        by_sum[file.sha256].add(file.name)

    assert {sha256: names for sha256, names in by_sum.items() if len(names) > 1} == {}


def test_the_package_holds_the_file_of_the_project():
    """In a checkout by a link, so that there is one file to edit."""
    top = Path(datasets.__file__).parents[2] / "datasets.yaml"
    if not top.exists():
        pytest.skip("installed: there is only the one in the package")

    assert catalogue_path().read_bytes() == top.read_bytes()


def test_names_groups_and_all_resolve_to_data_sets_once():
    """In the order in which they were asked for."""
    found = [d.name for d in load().resolve(["loghub-2k/HDFS", "loghub-2k", "loghub-2k/BGL"])]

    assert found[0] == "loghub-2k/HDFS"
    assert sorted(found) == [f"loghub-2k/{s}" for s in sorted(SYSTEMS)]
    assert len(load().resolve(["all"])) == len(load())


@pytest.mark.parametrize("ask", ["HDFS", "hdfs", "loghub-2k/hdfs"])
def test_an_unknown_name_lists_what_comes_close(ask):
    """The system alone is what people type first."""
    with pytest.raises(UnknownNameError, match=r"unknown data set .*Did you mean .*loghub-2k/HDFS"):
        load()[ask]
    with pytest.raises(UnknownNameError, match=r"group of 16 data sets; .* such as .loghub-2k/"):
        load()["loghub-2k"]
    with pytest.raises(UnknownNameError, match=r"Groups: .*loghub-2k"):
        load().resolve([ask])
    assert ask not in load()
    assert load().get(ask) is None


def test_an_unknown_group_lists_the_groups():
    """A data set is not a group."""
    with pytest.raises(UnknownNameError, match="unknown group of data sets"):
        load().group("loghub-2k/HDFS")


def test_records_cannot_be_changed():
    """A catalogue is shared by everyone in the process."""
    with pytest.raises(Exception, match="frozen"):
        load()["loghub-2k/HDFS"].layout = "auto"


def test_the_least_a_data_set_needs(write):
    """Everything else has a default that says: unknown."""
    dataset = load(write())["c/d"]

    assert dataset.files["log"].url == "https://a.example/x/d/a.log"
    assert dataset.files["log"].path == "c/d/a.log"
    assert (dataset.size, dataset.lines, dataset.truth) == (None, None, ())
    assert dataset.groups == ("c",)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("version: 1", "version: 2", 1, "version: Input should be 1; found '2'"),
        ("version: 1\n", "", 1, "the key 'version' is missing"),
        ("    licence: free\n", "", 3, "collections.c: the key 'licence' is missing"),
        ("layout: auto", "layout: auto\n        colour: red", 10, "unknown key 'colour'"),
        ("layout: auto", "layout: ''", 9, "at least 1 character; found ''"),
        ("layout: auto", "layout: auto\n        lines: many", 10, "valid integer; found 'many'"),
        ("layout: auto", "layout: auto\n        lines: -1", 10, "greater than or equal to 0"),
        ("layout: auto", "layout: auto\n        layout: x", 10, "'layout' is here twice"),
        ("https://a.example/x/", "https://a.example/x", 3, "to end with '/'"),
        ("https://a.example/x/", "file:///x/", 6, "expected an http:// or https:// address"),
        ("path: d/a.log", "path: ../a.log", 12, "without empty, '.' or '..' parts; found '../a"),
        ("path: d/a.log", "path: /a.log", 12, "expected a relative path"),
        ("path: d/a.log", "path: 'C:\\a.log'", 12, "expected a relative path"),
        ("path: d/a.log", "path: a\n            mirror: ../a", 13, "mirror: expected a path with"),
        ("path: d/a.log", "path: a\n            size: -1", 13, "size: Input should be greater"),
        ("path: d/a.log", "path: a\n            size: 1.5", 13, "size: Input should be a valid"),
        ("path: d/a.log", "path: a\n            sha256: abc", 13, "sha256: String should match"),
        ("path: d/a.log", "size: 1", 11, "files.log: the key 'path' is missing"),
        ("          log:\n", "          csv:\n", 8, "expected a 'log' among the files"),
        ("      d:\n", "      d/e:\n", 8, "String should match pattern"),
        (
            "            path: d/a.log\n",
            "            path: d/a.log\n          csv:\n            path: d/a.log\n",
            14,
            "already taken",
        ),
        ("path: d/a.log", "path: a.zip", 8, "members and exactly one archive belong together"),
        (
            "layout: auto",
            "layout: auto\n        truth:\n          - {kind: template-lines, file: csv}",
            8,
            "truth names 'csv', which is neither file nor member; there are log",
        ),
        (
            "layout: auto",
            "layout: auto\n        truth:\n          - {kind: guesswork, file: log}",
            11,
            "Input should be 'template-lines', 'session-labels'",
        ),
        ("layout: auto", "layout: [auto", 10, "not valid YAML"),
        ("layout: auto", "layout: !!python/object:os.system x", 9, "not valid YAML"),
        ("  c:\n", "  ? [1, 2]\n  :\n", 3, "expected a word as key"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(write, old, new, line, message):
    """The line of the entry that is wrong, or of the one that lacks something."""
    path = write(old, new)

    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- 1\n", b"a" * 100, b"\0"])
def test_a_file_that_is_no_catalogue_is_an_input_error(tmp_path, content):
    """Empty, not text, a list, a word, control characters."""
    (tmp_path / "x.yaml").write_bytes(content)

    with pytest.raises(InputError, match=r"x\.yaml"):
        load(tmp_path / "x.yaml")


def test_a_missing_file_is_an_input_error(tmp_path):
    """With its name."""
    with pytest.raises(InputError, match=r"cannot read the data set catalogue .*none\.yaml"):
        load(tmp_path / "none.yaml")


@pytest.mark.mirror
def test_every_file_of_the_mirror_is_what_the_catalogue_says(mirror):
    """Path, size and checksums of everything that datasets.yaml expects in the data folder."""
    files = [f for d in load().values() for f in d.files.values() if f.mirror]
    wrong = {f.mirror: digests(mirror / f.mirror).difference(f) for f in files}

    assert len(files) > 140
    assert {path: trouble for path, trouble in wrong.items() if trouble} == {}
