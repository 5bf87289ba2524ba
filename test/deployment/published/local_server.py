"""A web server on this machine that can be as awkward as those out there."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalServer:
    """Serves ``content`` at every path, with a context manager's life.

    ``ranges``: whether it sends parts of the file. ``etag``: what it calls the file, "" for nothing.
    ``cut_after``: so many bytes into an answer it closes the connection, or waits, with ``stalls``, until the
    server is closed. ``status``: answered instead of the file, for the ``reason``. ``redirect``: where it
    sends every request.
    ``mislead``: a part begins this far off. ``tells_length``: whether it says how long the answer is.
    ``requests``: the headers of all requests so far.
    """

    def __init__(self, content=b"", **changes):
        self.content, self.ranges, self.etag = content, True, '"one"'
        self.cut_after = self.status = self.reason = self.redirect = None
        self.stalls, self.mislead, self.tells_length = False, 0, True
        self.requests = []
        self.closed = threading.Event()
        for name, value in changes.items():
            assert hasattr(self, name)
            setattr(self, name, value)

    def __enter__(self):
        behaviour = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                behaviour.requests.append(dict(self.headers))
                behaviour._answer(self)

            def log_message(self, *_arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, name="file.pth"):
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def _answer(self, handler):
        if self.status or self.redirect:
            handler.send_response(self.status or 302, self.reason)
            if self.redirect:
                handler.send_header("Location", self.redirect)
            handler.end_headers()
            return
        start = self._wanted_start(handler.headers)
        if start >= len(self.content) > 0:
            handler.send_response(416)
            handler.end_headers()
            return
        start += self.mislead if start else 0
        body, whole = self.content[start:], len(self.content)
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.tells_length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after])
        if self.stalls:
            self.closed.wait(20)

    def _wanted_start(self, headers):
        match = re.match(r"bytes=(\d+)-", headers.get("Range", ""))
        same = headers.get("If-Range", self.etag) == self.etag
        return int(match.group(1)) if match and self.ranges and same else 0
