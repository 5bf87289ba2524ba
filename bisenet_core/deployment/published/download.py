"""Download a file, whole and verified or not at all; go on with one that broke off. Needs no torch."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.runtime.model_card import file_sha256

TIMEOUT = 30.0  # seconds without a byte
LONGEST = 6 * 3600.0  # seconds of one connection; a server may send a byte now and then for ever
LARGEST = 4 << 30  # bytes; the largest that is published has 0.2 GB
BLOCK = 1 << 18
RANGE_NOT_SATISFIABLE = 416
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

#: Called with the bytes that are there and those of the whole file, where the server tells.
Report = Callable[[int, int | None], None]


class DownloadError(InputError):
    """The network or the server did not give the file; what has come of it is kept."""


def download(url: str, target: Path, sha256_prefix: str, report: Report) -> Path:
    """Bring ``url`` to ``target`` and return that; a ``target`` that is already there is only verified.

    Until the file is whole it is ``target``.part. A part that was left behind goes on where it stopped if
    the server sends the rest of the very same file, and begins anew otherwise. Raises ``DownloadError``, and
    ``InputError`` for a disk that cannot take it and for a whole file whose SHA-256 does not begin with
    ``sha256_prefix``, which is removed.
    """
    part = target.with_name(target.name + ".part")
    with explain_os_errors(f"cannot write {target}", "make room and run it again"):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _verify(url, target, sha256_prefix)
            return target
        _download_rest(url, part, bool(sha256_prefix), report)
        _verify(url, part, sha256_prefix)
        part.replace(target)
        _tag_file(part).unlink(missing_ok=True)
    return target


def _download_rest(url: str, part: Path, verifiable: bool, report: Report) -> None:
    tag = _kept_tag(part)
    # without a tag or a hash nothing would tell whether two halves are of one file
    there = part.stat().st_size if part.exists() and (tag or verifiable) else 0
    response, start, total = _request(url, there, tag)
    with response, open(part, "ab" if start else "wb", opener=_without_links) as file:
        if not start:
            with open(_tag_file(part), "w", opener=_without_links) as tag_file:
                tag = response.headers.get("ETag", "")
                tag_file.write("" if tag.startswith("W/") else tag)  # a weak one does not identify the bytes
        begun = monotonic()
        for block in _read_blocks(url, response):
            file.write(block)
            _check_bounds(url, file.tell(), monotonic() - begun)
            report(file.tell(), total)
    size = part.stat().st_size
    if total is not None and size != total:
        raise DownloadError(f"{url}: the connection broke after {size} of {total} bytes; run it again")


def _check_bounds(url: str, size: int, seconds: float) -> None:
    if size > LARGEST:
        raise DownloadError(f"{url}: more than {LARGEST / 1e9:.1f} GB came; expected a network's weights")
    if seconds > LONGEST:
        raise DownloadError(f"{url}: {size} bytes came in {LONGEST / 3600:.0f} hours; run it again to go on")


def _request(url: str, start: int, tag: str) -> tuple[HTTPResponse, int, int | None]:
    """The server's answer, the byte it begins with (``start`` or 0) and the bytes of the whole file."""
    _check_scheme(url)
    headers = {"User-Agent": "bisenet"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and tag:
        headers["If-Range"] = tag  # another file since: the server sends all of it
    try:
        with _network_errors(url, start):
            response = build_opener(_Redirects).open(Request(url, headers=headers), timeout=TIMEOUT)
    except _RangeRefusedError:
        return _request(url, 0, "")
    begins_at, total = _content_range(response)
    if begins_at not in (0, start):
        response.close()
        if not start:
            raise DownloadError(f"{url}: the server sends only a part of the file")
        return _request(url, 0, "")
    return response, begins_at, total


def _content_range(response: HTTPResponse) -> tuple[int, int | None]:
    """(first byte, bytes of the whole file) of an answer; -1 where the first byte is not told."""
    if response.status != 206:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    told = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", told)
    if match is None:
        return -1, None
    return int(match.group(1)), int(match.group(2)) if match.group(2) != "*" else None


def _read_blocks(url: str, response: HTTPResponse) -> Iterator[bytes]:
    while True:
        with _network_errors(url):
            block = response.read1(BLOCK)  # what has come: an interruption loses none of it
        if not block:
            return
        yield block


def _verify(url: str, path: Path, sha256_prefix: str) -> None:
    found = file_sha256(path)
    if not found.startswith(sha256_prefix):
        path.unlink()
        _tag_file(path).unlink(missing_ok=True)
        raise InputError(
            f"{url} gave another file than its publisher names: the SHA-256 begins with "
            f"{found[: len(sha256_prefix)]}, expected {sha256_prefix}; it was removed, run it again"
        )


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _kept_tag(part: Path) -> str:
    """That of the part's file; "" where none is kept, or none that can be sent."""
    path = _tag_file(part)
    tag = path.read_bytes() if path.exists() else b""
    return tag.decode() if re.fullmatch(rb"[\x20-\x7e]*", tag) else ""


def _without_links(path: str, flags: int) -> int:
    """Open a file, but none that a link leads to: who has put it there wants another file written."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


class _RangeRefusedError(Exception):
    """The server's file is no longer than the part that is here."""


@contextmanager
def _network_errors(url: str, start: int = 0) -> Iterator[None]:
    """Whatever goes wrong with the network or the server becomes a ``DownloadError``.

    A refusal to send what follows byte ``start`` is a ``_RangeRefusedError``.
    """
    try:
        yield
    except HTTPError as error:
        if start and error.code == RANGE_NOT_SATISFIABLE:
            raise _RangeRefusedError from None
        raise DownloadError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) else error
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise DownloadError(f"cannot reach {url}: {reason}; check the network and run it again") from None


def _check_scheme(url: str, before: str = "") -> None:
    """Refuse what is no https, but for this machine's own where ``before``, which led here, was too."""
    try:
        urlsplit(url)
    except ValueError as error:
        raise DownloadError(f"{url} is no address: {error}") from None
    local = all(urlsplit(one).hostname in LOCAL_HOSTS for one in (url, before or url))
    if urlsplit(url).scheme != "https" and not (urlsplit(url).scheme == "http" and local):
        raise DownloadError(f"{url} is not an https address, and anyone could have changed what it gives")


class _Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_scheme(newurl, req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
