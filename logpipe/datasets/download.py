"""One HTTP download into a `.part` file: resumed where possible, repeated where that may help.

The standard library is enough for this. What libraries for downloads leave out is what matters
with archives of gigabytes: going on where a dropped connection ended (`Range` with `If-Range`),
and not believing a server that says one length and sends another.
"""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import orjson

from logpipe import __version__
from logpipe.errors import InputError, OutputError

__all__ = ["NotThere", "Retries", "download"]

Progress = Callable[[int, int | None], None]

CHUNK = 1 << 18
GAIN = 1 << 20
"""An attempt that got this much further does not count as a failed one."""
LARGEST = 1 << 36
"""A file of unknown size is not followed beyond this many bytes."""


class NotThere(InputError):
    """The server does not have the file (404, 403, 410, ...): asking again does not help."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a download is.

    Attributes:
        attempts: how often in a row nothing came before giving up.
        delay: seconds before the second attempt; doubled each time, at most `longest`.
        longest: the longest pause, also where the server asks for a longer one.
        timeout: seconds without a byte after which a connection counts as dead.
        sleep: waits; replaceable, for tests.
    """

    attempts: int = 5
    delay: float = 0.5
    longest: float = 30.0
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def pause(self, attempt: int, asked: float | None) -> None:
        """Wait before attempt number `attempt + 1`, at least as long as the server asked for."""
        self.sleep(min(max(self.delay * 2 ** (attempt - 1), asked or 0.0), self.longest))


class _Transient(Exception):
    def __init__(self, reason: str, wait: float | None = None, lasting: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.lasting = lasting
        """Waiting rarely helps (no such host, nobody listens): one more attempt is enough."""


class _StartAgain(Exception):
    """What lies in the `.part` file cannot be continued."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise NotThere(f"{req.full_url} redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener: it would also follow a redirect to ftp: or read file: addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _NoDowngrade(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


@dataclass(slots=True)
class _Part:
    """The `.part` file and what the server said about the bytes that are in it.

    `validator` is what makes a later part belong to the same file: a strong ETag or a date.
    `total` is the length the server announced, None if it did not.
    """

    path: Path
    url: str = ""
    validator: str = ""
    total: int | None = None

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def recall(self) -> None:
        try:
            said = orjson.loads(self.note.read_bytes())
            self.url, self.validator = str(said["url"]), str(said["validator"])
            self.total = said["total"] if isinstance(said["total"], int) else None
        except (OSError, ValueError, KeyError, TypeError):
            self.url, self.validator, self.total = "", "", None

    def remember(self) -> None:
        said = {"url": self.url, "validator": self.validator, "total": self.total}
        with _storing(self.note):
            self.note.write_bytes(orjson.dumps(said))

    def discard(self) -> None:
        with _storing(self.path):
            self.path.unlink(missing_ok=True)
            self.note.unlink(missing_ok=True)
        self.url, self.validator, self.total = "", "", None


class _storing:  # noqa: N801 - reads as a statement
    """Turns a failure to write into `OutputError`, so that it is not taken for a network fault."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            full = "; free some space, or set LOGPIPE_HOME to another disk"
            raise OutputError(
                f"cannot write {self.path}: {error.strerror or error}"
                f"{full if error.errno in (errno.ENOSPC, errno.EDQUOT) else ''}. "
                f"What has arrived is kept and continued next time"
            ) from None


def download(
    url: str,
    part: Path,
    *,
    size: int | None = None,
    pinned: bool = False,
    progress: Progress | None = None,
    retries: Retries | None = None,
) -> bool:
    """Get `url` into the file `part`, going on with what is there.

    Args:
        url: http or https.
        part: its folder exists. It is kept when the download fails, for the next time.
        size: the expected number of bytes, if known; a server that announces another is refused
            before anything is stored.
        pinned: a checksum is known, so a part from another server or of unknown version may be
            continued: a wrong guess will be noticed.
        progress: called with (bytes so far, bytes in all or None).
        retries: how patient to be.

    Returns:
        Whether the file was put together from more than one answer.

    Raises:
        NotThere: the server answers that there is no such file.
        InputError: the server cannot be reached, does not finish or announces another size.
        OutputError: the part cannot be written.
    """
    retries = retries or Retries()
    opener = _opener()
    state = _Part(part)
    state.recall()
    resumed, tries = False, 0
    while True:
        before, wait, allowed = state.size(), None, retries.attempts
        try:
            resumed |= _attempt(opener, url, state, size, pinned, progress, retries.timeout)
            return resumed
        except _StartAgain as reason:
            state.discard()
            trouble = str(reason)
        except _Transient as reason:
            trouble, wait = str(reason), reason.wait
            allowed = min(2, allowed) if reason.lasting else allowed
        tries = 1 if state.size() - before >= GAIN else tries + 1
        if tries >= allowed:
            got = state.size()
            kept = f" {got:,} bytes are kept in {part} and continued next time." if got else ""
            raise InputError(
                f"{url}: {trouble}; gave up after {tries} attempts.{kept} Likely causes: no "
                f"network, a proxy that is not set (HTTPS_PROXY), or a server in trouble"
            )
        retries.pause(tries, wait)


def _attempt(
    opener: urllib.request.OpenerDirector,
    url: str,
    state: _Part,
    size: int | None,
    pinned: bool,
    progress: Progress | None,
    timeout: float,
) -> bool:
    start = state.size()
    complete = size if size is not None else state.total if state.url == url else None
    if start and start == complete:
        return True
    same_file = state.url == url and state.validator
    if start and (not (same_file or pinned) or (complete is not None and start > complete)):
        state.discard()
        start = 0
    headers = {"User-Agent": f"logpipe/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if same_file:
            headers["If-Range"] = state.validator
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(url, error) from None
    except (NotThere, ValueError, http.client.InvalidURL) as error:
        raise error if isinstance(error, NotThere) else NotThere(f"{url}: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from None
    with answer:
        total = _total(answer.status, answer.headers, start, size, url)
        validator = _validator(answer.headers)
        if answer.status != 206:
            # The old bytes go before the new name of the version is written: a crash in between
            # must not leave bytes of one version labelled as another.
            state.discard()
            start = 0
        elif same_file and (validator, total) != (state.validator, state.total):
            raise _StartAgain("the file on the server is another one than before")
        state.url, state.total, state.validator = url, total, validator
        state.remember()
        _room(state.path, (total or 0) - start)
        _receive(answer, state, start, total, progress)
    return start > 0


def _refusal(url: str, error: urllib.error.HTTPError) -> Exception:
    if error.code == 416:
        return _StartAgain("the server has fewer bytes than were already here")
    if error.code in (408, 425, 429) or error.code >= 500:
        asked = error.headers.get("Retry-After", "")
        wait = float(asked) if asked.isdecimal() and len(asked) < 6 else None
        return _Transient(f"the server answers {error.code} {error.reason}", wait)
    return NotThere(f"{url}: the server answers {error.code} {error.reason}")


def _unreachable(url: str, error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NotThere(f"{url}: the server's certificate is not valid: {reason.verify_message}")
    if isinstance(reason, str) and reason.startswith("unknown url type"):
        return NotThere(f"{url}: {reason}")
    host = urlsplit(url).netloc
    lasting = isinstance(reason, socket.gaierror | ConnectionRefusedError)
    return _Transient(f"no connection to {host} ({reason or type(reason).__name__})", None, lasting)


def _total(status: int, headers: Message, start: int, size: int | None, url: str) -> int | None:
    """The length of the whole file that this answer announces, checked against what is known."""
    if headers.get("Content-Encoding", "identity") != "identity":
        raise NotThere(f"{url}: the server sends {headers['Content-Encoding']} unasked")
    announced = headers.get("Content-Length", "")
    length = int(announced) if announced.isdecimal() and len(announced) < 20 else None
    if status == 206:
        unit, _, rest = headers.get("Content-Range", "").partition(" ")
        span, _, whole = rest.partition("/")
        first = span.partition("-")[0]
        if unit != "bytes" or first != str(start) or not (whole == "*" or whole.isdecimal()):
            raise _StartAgain(f"asked for bytes from {start}, the server sends {rest!r}")
        total = int(whole) if whole != "*" else None if length is None else start + length
    elif status == 200:
        total = length
    else:
        raise NotThere(f"{url}: the server answers {status}, which is not a file")
    if size is not None and total not in (None, size):
        raise NotThere(
            f"{url}: expected {size:,} bytes, the server has {total:,}; "
            f"the file was replaced there, or this is a page about an error. Nothing was stored"
        )
    return total if total is not None else size


def _validator(headers: Message) -> str:
    tag = headers.get("ETag", "")
    # A weak ETag promises the same meaning, not the same bytes.
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _room(path: Path, needed: int) -> None:
    with _storing(path):
        free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise OutputError(
            f"cannot store {path}: {needed:,} bytes to come, {free:,} free on this disk; "
            f"free some space, or set LOGPIPE_HOME to another disk"
        )


def _receive(
    answer: http.client.HTTPResponse,
    state: _Part,
    start: int,
    total: int | None,
    progress: Progress | None,
) -> None:
    have = start
    limit = total if total is not None else LARGEST
    with _storing(state.path):
        stream = state.path.open("r+b" if start else "wb")
    with stream:
        with _storing(state.path):
            stream.seek(start)
            stream.truncate()
        while True:
            try:
                chunk = answer.read1(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                with _storing(state.path):
                    stream.flush()
                raise _Transient(
                    f"the connection broke after {have:,} bytes ({error or type(error).__name__})"
                ) from None
            if not chunk:
                break
            have += len(chunk)
            if have > limit:
                stream.close()
                state.discard()
                raise NotThere(
                    f"{answer.url}: expected {limit:,} bytes at most, the server sends more; "
                    f"what came was thrown away"
                )
            with _storing(state.path):
                stream.write(chunk)
            if progress:
                progress(have, total)
        with _storing(state.path):
            stream.flush()
            os.fsync(stream.fileno())
    if total is not None and have < total:
        raise _Transient(f"the connection ended after {have:,} of {total:,} bytes")
