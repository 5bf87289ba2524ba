"""Downloads from a server on this machine: whole and right, or not there."""

import hashlib
import os
import socket
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_server import LocalServer

from bisenet_core.deployment.published import download as module
from bisenet_core.deployment.published.download import DownloadError, download
from bisenet_core.errors import InputError

CONTENT = np.random.default_rng(0).bytes(1 << 20)
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server():
    with LocalServer(CONTENT) as running:
        yield running


def get(server, target, prefix="", report=lambda _done, _total: None):
    return download(server.url(), target, prefix, report)


def break_off(server, target, prefix="", after=600_000):
    """A download whose connection breaks; the server behaves afterwards."""
    server.cut_after = after
    with pytest.raises(DownloadError, match=f"broke after {after} of {len(CONTENT)} bytes"):
        get(server, target, prefix)
    assert not target.exists() and target.with_name(target.name + ".part").stat().st_size == after
    server.cut_after = None


def assert_whole(target, content=CONTENT):
    assert target.read_bytes() == content
    assert os.listdir(target.parent) == [target.name]


def test_a_file_arrives_whole_and_tells_how_far_it_is(server, tmp_path):
    told, target = [], tmp_path / "d" / "f.pth"
    assert get(server, target, PREFIX, lambda *now: told.append(now)) == target
    assert_whole(target)
    assert told == sorted(told) and told[-1] == (len(CONTENT), len(CONTENT)) and len(told) > 1


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    for _ in range(2):
        get(server, tmp_path / "f.pth", PREFIX)
    assert len(server.requests) == 1


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path, prefix):
    target = tmp_path / "f.pth"
    break_off(server, target, prefix)
    told = []
    get(server, target, prefix, lambda *now: told.append(now))
    assert_whole(target)
    assert server.requests[-1]["Range"] == "bytes=600000-" and server.requests[-1]["If-Range"] == '"one"'
    assert told[0][0] > 600_000 and told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("changes, prefix", [
    ({"ranges": False}, ""),  # the server sends all of it again
    ({"mislead": 1}, PREFIX),  # or other bytes than were asked for
    ({"mislead": -1}, PREFIX),
])
def test_where_the_rest_cannot_be_had_it_begins_anew(server, tmp_path, changes, prefix):
    target = tmp_path / "f.pth"
    break_off(server, target, prefix)
    for name, value in changes.items():
        setattr(server, name, value)
    get(server, target, prefix)
    assert_whole(target)


def test_a_file_that_has_changed_meanwhile_is_taken_as_a_whole(server, tmp_path):
    target = tmp_path / "f.pth"
    break_off(server, target)
    server.content, server.etag = CONTENT[::-1], '"two"'
    get(server, target)
    assert_whole(target, CONTENT[::-1])


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_halves_are_joined_only_where_something_tells_that_they_fit(server, tmp_path, etag):
    server.etag = etag
    break_off(server, tmp_path / "a.pth")
    get(server, tmp_path / "a.pth")
    assert "Range" not in server.requests[-1]
    break_off(server, tmp_path / "b.pth", PREFIX)
    get(server, tmp_path / "b.pth", PREFIX)
    assert server.requests[-1]["Range"] == "bytes=600000-" and "If-Range" not in server.requests[-1]
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes() == CONTENT


def test_a_part_that_is_as_long_as_the_file_begins_anew(server, tmp_path):
    (tmp_path / "f.pth.part").write_bytes(b"x" * len(CONTENT))
    get(server, tmp_path / "f.pth", PREFIX)
    assert_whole(tmp_path / "f.pth")


def test_halves_of_two_files_are_found_out(server, tmp_path):
    server.etag = ""
    break_off(server, tmp_path / "f.pth", PREFIX)
    server.content = CONTENT[::-1]
    with pytest.raises(InputError, match=f"expected {PREFIX}; it was removed"):
        get(server, tmp_path / "f.pth", PREFIX)
    assert os.listdir(tmp_path) == []


@given(st.lists(st.integers(0, 5000), max_size=5), st.booleans(), st.sampled_from(["", '"e"']))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_often_it_breaks_the_file_is_right_in_the_end(tmp_path_factory, cuts, ranges, etag):
    content, target = CONTENT[:5001], tmp_path_factory.mktemp("d") / "f.pth"
    with LocalServer(content, ranges=ranges, etag=etag) as server:
        for server.cut_after in cuts:
            with suppress(DownloadError):
                get(server, target)
            assert not target.exists() or target.read_bytes() == content
        server.cut_after = None
        get(server, target)
    assert_whole(target, content)


def test_another_file_than_the_publisher_names_is_removed(server, tmp_path):
    with pytest.raises(InputError, match=f"begins with {PREFIX}, expected 00000000; it was removed"):
        get(server, tmp_path / "f.pth", "00000000")
    assert os.listdir(tmp_path) == []
    (tmp_path / "f.pth").write_bytes(b"damaged since")
    with pytest.raises(InputError, match="it was removed"):
        get(server, tmp_path / "f.pth", PREFIX)
    get(server, tmp_path / "f.pth", PREFIX)
    assert_whole(tmp_path / "f.pth")


def test_an_answer_of_untold_length_is_taken_as_it_ends(server, tmp_path):
    server.tells_length = False
    told = []
    get(server, tmp_path / "f.pth", PREFIX, lambda *now: told.append(now))
    assert_whole(tmp_path / "f.pth")
    assert told[-1] == (len(CONTENT), None)


@pytest.mark.parametrize("status", [404, 416, 403, 500])
def test_a_server_that_says_no_is_quoted(server, tmp_path, status):
    server.status = status
    with pytest.raises(DownloadError, match=f"{server.url()}: the server answers {status}"):
        get(server, tmp_path / "f.pth")
    assert os.listdir(tmp_path) == []


def test_a_reason_commands_no_terminal(server, tmp_path):
    server.status, server.reason = 403, "\x1b]0;title\x07 \x9b2J"
    with pytest.raises(DownloadError) as caught:
        get(server, tmp_path / "f.pth")
    assert str(caught.value).endswith("the server answers 403 \\x1b]0;title\\x07 \\x9b2J")


def test_no_server_at_all_is_told_in_one_line(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/f.pth"
    with pytest.raises(DownloadError, match=f"^cannot reach {url}: Connection refused; check the network.*$"):
        download(url, tmp_path / "f.pth", "", print)


def test_a_silent_server_is_not_waited_for_for_ever(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    server.cut_after, server.stalls = 300_000, True
    with pytest.raises(DownloadError, match="timed out"):
        get(server, tmp_path / "f.pth")
    server.cut_after, server.stalls = None, False
    get(server, tmp_path / "f.pth")
    assert_whole(tmp_path / "f.pth")
    assert "Range" in server.requests[-1]


@pytest.mark.parametrize(("bound", "value", "words"), [
    ("LARGEST", 500_000, "more than 0.0 GB came"), ("LONGEST", -1.0, "hours; run it again to go on")])
def test_an_endless_answer_ends(server, tmp_path, monkeypatch, bound, value, words):
    monkeypatch.setattr(module, bound, value)
    with pytest.raises(DownloadError, match=words):
        get(server, tmp_path / "f.pth", PREFIX)
    assert not (tmp_path / "f.pth").exists()


def test_an_address_that_is_none_is_told_in_one_line(tmp_path):
    with pytest.raises(DownloadError, match="is no address: Invalid IPv6 URL"):
        download("http://[::1/f.pth", tmp_path / "f.pth", "", lambda _done, _total: None)


@pytest.mark.parametrize("tag", [b"\xff\xfe\r\nX: 1", b"\xc2\xb2" * 99, b"\x00"])
def test_a_damaged_tag_begins_anew(server, tmp_path, tag):
    target = tmp_path / "f.pth"
    break_off(server, target)
    (tmp_path / "f.pth.part.etag").write_bytes(tag)
    get(server, target, PREFIX)
    assert_whole(target)


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1"])
def test_a_length_of_odd_digits_is_none(length):
    class Answer:
        status, headers = 200, {"Content-Length": length}

    assert module._content_range(Answer()) == (0, None)


def test_a_moved_file_is_followed_and_its_rest_too(server, tmp_path):
    with LocalServer(redirect=server.url("moved.pth")) as old:
        server.cut_after = 500_000
        with pytest.raises(DownloadError, match="broke after 500000"):
            get(old, tmp_path / "f.pth")
        server.cut_after = None
        get(old, tmp_path / "f.pth")
    assert_whole(tmp_path / "f.pth")
    assert server.requests[-1]["Range"] == "bytes=500000-"


@pytest.mark.parametrize("url", ["http://example.org/f.pth", "file:///etc/hostname", "ftp://127.0.0.1/f"])
def test_only_addresses_that_cannot_be_tampered_with_are_used(tmp_path, url):
    with pytest.raises(DownloadError, match="is not an https address"):
        download(url, tmp_path / "f.pth", "", print)
    with LocalServer(redirect=url) as server, pytest.raises(DownloadError, match=url):
        get(server, tmp_path / "f.pth")
    assert os.listdir(tmp_path) == []


def test_no_https_address_leads_to_this_machine():
    """Where a service of the user's own may do what it is asked for."""
    for url in ("http://localhost:80/f", "http://127.0.0.1/f", "http://[::1]/f", "ftp://localhost/f"):
        with pytest.raises(DownloadError, match="is not an https address"):
            module._check_scheme(url, "https://example.org/f")
    module._check_scheme("https://elsewhere.org/f", "https://example.org/f")
    module._check_scheme("http://localhost:1/f", "http://127.0.0.1:2/f")


@pytest.mark.parametrize("planted", ["f.pth.part", "f.pth.part.etag"])
def test_nothing_is_written_through_a_link(server, tmp_path, planted):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / planted).symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match=r"cannot write .*f.pth: Too many levels of symbolic links"):
        get(server, tmp_path / "downloads" / "f.pth", PREFIX)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_proxy_is_asked_where_one_is_set(tmp_path, monkeypatch):
    monkeypatch.delenv("no_proxy")
    with LocalServer(CONTENT) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        download("http://localhost:9/f.pth", tmp_path / "f.pth", PREFIX, lambda _done, _total: None)
        assert proxy.requests[0]["Host"] == "localhost:9"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux' disk that is always full")
def test_a_full_disk_is_told_in_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_without_links", lambda _path, flags: os.open("/dev/full", flags))
    with pytest.raises(InputError, match=r"cannot write .*f.pth: No space left on device; make room"):
        get(server, tmp_path / "f.pth", PREFIX)
    assert not (tmp_path / "f.pth").exists()


def test_a_folder_that_cannot_be_made_is_told_in_one_line(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot write"):
        get(server, tmp_path / "file" / "f.pth")
