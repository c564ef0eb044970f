"""One download: what is resumed, what is repeated, what is refused."""

import http.client
import os

import faulty_server as web
import orjson
import pytest

from logpipe.datasets.download import NotThere, Retries, _NoDowngrade, download
from logpipe.errors import InputError, OutputError

SIZE = 300_000
DATA = os.urandom(SIZE)


@pytest.fixture
def get(server, tmp_path, retries):
    """Downloads /f, which is DATA, and returns what the .part file then holds."""
    server.files["/f"] = DATA

    def run(size=SIZE, pinned=True, progress=None, retries=retries):
        part = tmp_path / "f.part"
        download(
            f"{server.url}/f", part, size=size, pinned=pinned, progress=progress, retries=retries
        )
        return part.read_bytes()

    return run


def test_a_file_is_downloaded_with_progress_up_to_its_size(get):
    """Progress never goes back and ends at the total."""
    seen = []

    assert get(progress=lambda done, total: seen.append((done, total))) == DATA
    assert sorted(seen) == seen
    assert (len(DATA), len(DATA)) == seen[-1]


def test_a_dropped_connection_is_continued_where_it_ended(get, server, pauses):
    """The second request asks for the rest only, on the condition that the file is the same."""
    server.script["/f"].append(web.drop_after(100_000))

    assert get() == DATA
    assert server.asked("/f") == [None, "bytes=100000-"]
    assert server.requests[1][1]["If-Range"] == '"one"'
    assert pauses == [0.5]


def test_a_download_goes_on_after_the_process_ended(get, server, tmp_path):
    """What an earlier run left in the .part file is not asked for again."""
    server.script["/f"].append(web.drop_after(200_000))
    with pytest.raises(InputError, match=r"200,000 of 300,000 bytes.*200,000 bytes are kept"):
        get(pinned=False, retries=Retries(attempts=1))

    assert get(pinned=False) == DATA
    assert server.asked("/f")[-1] == "bytes=200000-"


def test_a_server_that_ignores_range_makes_the_download_start_again(get, server):
    """The answer 200 to a request for a part replaces what was there."""
    server.script["/f"] += [web.drop_after(100_000), web.ignore_range]

    assert get() == DATA


def test_a_file_that_changed_in_between_is_never_mixed_with_the_old_one(get, server):
    """With another ETag the whole new file is sent, and only that is stored."""
    server.script["/f"].append(web.drop_after(100_000))
    with pytest.raises(InputError):
        get(None, pinned=False, retries=Retries(attempts=1))
    server.etag = '"two"'
    server.files["/f"] = new = os.urandom(150_000)

    assert new == get(None, pinned=False)


def test_a_part_of_another_version_is_refused_even_if_the_server_sends_it(get, server):
    """A server that overlooks If-Range is noticed by its ETag."""
    server.script["/f"] += [web.drop_after(100_000), web.ignore_if_range]
    with pytest.raises(InputError):
        get(None, pinned=False, retries=Retries(attempts=1))
    server.etag = '"two"'
    server.files["/f"] = new = os.urandom(300_000)

    assert new == get(None, pinned=False)


def test_without_checksum_and_version_a_part_is_not_continued(get, server):
    """A weak ETag says nothing about bytes, so the next attempt takes all of them."""
    server.etag = 'W/"one"'
    server.script["/f"].append(web.drop_after(100_000))

    assert get(None, pinned=False) == DATA
    assert server.asked("/f") == [None, None]


def test_with_a_checksum_a_part_is_continued_without_a_version(get, server):
    """A wrong guess would be noticed, so the guess is worth its while."""
    server.etag = 'W/"one"'
    server.script["/f"].append(web.drop_after(100_000))

    assert get() == DATA
    assert server.asked("/f") == [None, "bytes=100000-"]


def test_a_part_that_begins_elsewhere_is_not_stored(get, server):
    """Content-Range is compared with what was asked for."""
    server.script["/f"] += [web.drop_after(100_000), web.other_part]

    assert get() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(get, server, tmp_path):
    """A leftover of another file does no harm."""
    (tmp_path / "f.part").write_bytes(b"x" * 400_000)

    assert get() == DATA


def test_an_answer_416_starts_again(get, server, tmp_path):
    """The server has fewer bytes than are here: they are not of this file."""
    (tmp_path / "f.part").write_bytes(b"x" * 300_000)
    note = {"url": f"{server.url}/f", "validator": '"one"', "total": None}
    (tmp_path / "f.part.json").write_bytes(orjson.dumps(note))

    assert get(None, pinned=False) == DATA
    assert server.asked("/f") == ["bytes=300000-", None]


def test_a_damaged_note_beside_the_part_is_ignored(get, server, tmp_path):
    """It is a help, not an input to trust."""
    (tmp_path / "f.part").write_bytes(DATA[:1000])
    (tmp_path / "f.part.json").write_bytes(b'{"url": ["')

    assert get() == DATA
    assert server.asked("/f") == ["bytes=1000-"]


def test_a_complete_part_needs_no_request(get, server, tmp_path):
    """Only the renaming was missing."""
    (tmp_path / "f.part").write_bytes(DATA)

    assert get() == DATA
    assert server.requests == []


@pytest.mark.parametrize("code", [500, 502, 503, 504, 408, 429])
def test_an_answer_that_may_pass_is_asked_again(get, server, code):
    """Busy and broken servers recover."""
    server.script["/f"] += [web.status(code), web.status(code)]

    assert get() == DATA


def test_the_pauses_grow_and_the_servers_wish_is_respected(get, server, pauses):
    """0.5, 1, ...; Retry-After is waited for, up to 30 seconds."""
    server.script["/f"] += [
        web.status(503),
        web.status(503, Retry_After="7"),
        web.status(503, Retry_After="99999"),
    ]

    assert get() == DATA
    assert pauses == [0.5, 7.0, 30.0]


def test_a_server_that_never_recovers_is_given_up(get, server, tmp_path):
    """The message says what happened, how often it was tried and what may be the cause."""
    server.script["/f"] += [web.status(500)] * 9

    with pytest.raises(InputError, match=r"answers 500.*gave up after 4 attempts.*Likely causes"):
        get()
    assert not (tmp_path / "f.part").exists()


def test_a_connection_that_keeps_breaking_early_is_given_up(get, server):
    """Little steps do not count as progress for ever."""
    server.script["/f"] += [web.drop_after(10)] * 9

    with pytest.raises(InputError, match="gave up after 4 attempts"):
        get()
    assert len(server.requests) == 4


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_file_that_is_not_there_is_asked_for_once(get, server, code):
    """Asking again would not help."""
    server.script["/f"].append(web.status(code))

    with pytest.raises(NotThere, match=f"answers {code}"):
        get()
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", [web.hang_up, web.stall])
def test_a_connection_that_says_nothing_is_opened_again(get, server, behaviour):
    """A dead connection ends by itself or by the time limit."""
    server.script["/f"].append(behaviour)

    assert get(retries=Retries(attempts=2, timeout=0.2, sleep=lambda s: None)) == DATA


def test_a_length_that_promises_more_than_comes_is_noticed(get, server):
    """The end of the connection is not the end of the file."""
    server.script["/f"] += [web.announce(len(DATA) + 5)] * 9

    with pytest.raises(InputError, match="300,000 of 300,005 bytes"):
        get(None, pinned=False)


def test_another_length_than_known_is_refused_before_anything_is_stored(get, server, tmp_path):
    """An error page or a replaced file is not downloaded to the end first."""
    server.script["/f"].append(web.announce(12))

    with pytest.raises(NotThere, match="expected 300,000 bytes, the server has 12"):
        get()
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_known_are_refused(get, server, tmp_path):
    """Without an announced length the limit is the known size."""
    server.files["/f"] = DATA + b"!"
    server.script["/f"].append(web.without_length)

    with pytest.raises(NotThere, match="sends more"):
        get()
    assert not (tmp_path / "f.part").exists()


def test_a_file_without_announced_length_is_complete_when_the_server_ends(get, server):
    """Nothing says otherwise; the checksum decides later."""
    server.script["/f"].append(web.without_length)

    assert get(None, pinned=False) == DATA


def test_an_encoding_nobody_asked_for_is_refused(get, server):
    """The bytes would not be the file's."""
    server.script["/f"].append(web.gzipped)

    with pytest.raises(NotThere, match="gzip unasked"):
        get(None)


def test_a_redirect_is_followed(get, server):
    """Zenodo and GitHub answer with one."""
    server.files["/elsewhere"] = DATA
    server.script["/f"].append(web.status(302, Location="/elsewhere"))

    assert get() == DATA


def test_a_redirect_to_a_local_file_is_refused(get, server):
    """A server does not get to name files of this machine."""
    server.script["/f"].append(web.status(302, Location="file:///etc/hostname"))

    with pytest.raises(NotThere):
        get()


def test_a_redirect_from_https_to_http_is_refused():
    """Everyone on the way could answer the second request."""
    request = http.client.HTTPMessage()
    asked = type("Request", (), {"full_url": "https://a.example/f"})()

    with pytest.raises(NotThere, match="not https"):
        _NoDowngrade().redirect_request(asked, None, 302, "", request, "http://a.example/f")


def test_a_host_that_is_not_there_is_given_up_quickly(tmp_path, pauses):
    """One more attempt, one short pause: no network is no reason to wait for long."""
    retries = Retries(sleep=pauses.append)

    with pytest.raises(InputError, match=r"no connection to 127.0.0.1:1 .*after 2 attempts"):
        download("http://127.0.0.1:1/f", tmp_path / "f.part", retries=retries)
    assert pauses == [0.5]


def test_a_disk_that_cannot_hold_the_file_is_found_out_before(get, server):
    """The announced length is compared with the free space."""
    server.script["/f"].append(web.announce(1 << 60))

    with pytest.raises(OutputError, match=r"1,152,921,504,606,846,976 bytes to come, .* free"):
        get(None)


def test_a_disk_that_takes_no_more_is_not_taken_for_a_network_fault(get, server, tmp_path):
    """No second attempt; what came is kept, and the next run goes on there."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*f.part: File too large.* is kept"):
            get()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert len(server.requests) == 1
    assert get() == DATA
    assert server.asked("/f")[1] == f"bytes={100_000}-"
