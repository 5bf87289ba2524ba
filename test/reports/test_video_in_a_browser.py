"""The overlay video plays in a browser: a headless Chromium loads it, plays it and draws a frame of it."""

import json
import os
import shutil
import signal
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.reports.drive_pictures import OverlayVideo

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

PAGE = b"""<video id="video" src="/overlay.mp4" muted></video><script>
const video = document.getElementById("video");
const tell = (what) => fetch("/result", {method: "POST", body: JSON.stringify(what)});
video.onerror = () => tell({error: video.error.message});
video.ontimeupdate = () => {
  if (video.currentTime < 0.3) return;
  video.ontimeupdate = null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  tell({size: [canvas.width, canvas.height], ready: video.readyState,
        pixel: Array.from(context.getImageData(20, 20, 1, 1).data)});
};
video.play();
</script>"""


class _Pages(HTTPServer):
    """The page and the video at an address of its own; ``result`` is what the page told."""

    timeout = 120  # seconds; reached only when something is wrong

    def __init__(self, video):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = {"/": (b"text/html", PAGE), "/overlay.mp4": (b"video/mp4", video)}
        self.result = None

    def handle_timeout(self):
        raise AssertionError("the browser has asked for nothing for two minutes")


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, content = self.server.files.get(self.path, (b"text/plain", b""))
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
            kind, len(content)) + content)

    def do_POST(self):
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        """Nothing: the server's lines would stand in the test's output."""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_chromium_plays_the_overlay_video(tmp_path):
    image = np.full((48, 64, 3), (200, 120, 40), np.uint8)
    with OverlayVideo(tmp_path / "overlay.mp4", CAMVID_11, rate=10) as video:
        for _ in range(20):
            video.add(image, np.full((48, 64), 255, np.uint8))
    server = _Pages((tmp_path / "overlay.mp4").read_bytes())
    browser = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={tmp_path}/profile",
         "--autoplay-policy=no-user-gesture-required", f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=dict(os.environ, HOME=str(tmp_path)))
    try:
        while server.result is None:
            assert browser.poll() is None
            server.handle_request()
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        server.server_close()
    assert server.result.get("size") == [128, video._size[1]], server.result
    assert server.result["ready"] >= 2
    np.testing.assert_allclose(server.result["pixel"][:3], image[0, 0], atol=12)
