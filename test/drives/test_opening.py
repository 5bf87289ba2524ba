"""Every kind of drive gives the frames that were written; every kind of bad input is one clear line."""

import os
import struct
import threading
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from drive_files import (
    COMPRESSED,
    RAW,
    START,
    frame,
    truth,
    write_bag,
    write_folder,
    write_ros1_bag,
    write_video,
)
from rosbags.rosbag2 import StoragePlugin

from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError

COUNT = 12


def assert_refused(path, *words, **options):
    """Opening or reading ``path`` raises one line that holds every one of ``words``."""
    with pytest.raises(InputError) as caught:
        list(open_drive(path, **options))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message


def test_folder_comes_in_natural_order_with_truth_and_steady_stamps(tmp_path):
    drive = open_drive(write_folder(tmp_path / "drive", COUNT))
    frames = list(drive)
    assert (len(drive), drive.rate_hz, drive.has_truth) == (COUNT, 15.0, True)
    assert [f.name for f in frames] == [f"frame_{i}" for i in range(COUNT)]
    assert frames[3].recorded_ns == 200_000_000
    for index, item in enumerate(frames):
        np.testing.assert_array_equal(item.image, frame(index))
        np.testing.assert_array_equal(item.truth, truth(index))
    assert [f.index for f in drive] == list(range(COUNT)), "a drive can be read again"


def test_folder_rate_can_be_given_and_truth_left_unread(tmp_path):
    images = write_folder(tmp_path, 2)
    (tmp_path / "labels" / "frame_1.png").unlink()
    frames = list(open_drive(images, rate=5.0, with_truth=False))
    assert frames[1].recorded_ns == 200_000_000
    assert frames[1].truth is None


def test_single_image(tmp_path):
    path = write_folder(tmp_path, 2) / "frame_1.png"
    (only,) = open_drive(path)
    np.testing.assert_array_equal(only.image, frame(1))
    np.testing.assert_array_equal(only.truth, truth(1))


def test_significant_bits_are_not_ignored_where_there_is_no_bag(tmp_path):
    cv2.imwrite(str(tmp_path / "dark.png"), np.full((4, 4), 900, np.uint16))
    for path in (tmp_path, tmp_path / "dark.png", write_video(tmp_path / "drive.avi", 2)):
        assert_refused(path, path, "no rosbag", "significant bits, here 12", significant_bits=12)
        open_drive(path, significant_bits=16).close()
        assert_refused(path, path, "no rosbag", "a topic, here /rear", topic="/rear")


def test_images_that_have_to_be_converted_are_named_until_they_are(tmp_path):
    images = write_folder(tmp_path, 2)
    (images / "frame_0.heic").write_bytes(b"....ftypheic")  # of which frame_0.png was made
    (images / "frame_1b.HEIC").write_bytes(b"....ftypheic")
    frames = list(open_drive(images).frames())
    assert [bool(frame.problem) for frame in frames] == [False, False, True]
    assert "frame_1b.HEIC is not a readable image" in frames[2].problem
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.gif").write_bytes(b"GIF89a")
    assert_refused(tmp_path / "only", "no images in", "only such as a.gif")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_belong_to_an_image_however_its_accents_are_written(tmp_path, form):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir(), labels.mkdir()
    for folder, name_form in ((images, form), (labels, "NFC" if form == "NFD" else "NFD")):
        cv2.imwrite(str(folder / unicodedata.normalize(name_form, "caf\u00e9.png")), truth(0))
    np.testing.assert_array_equal(next(open_drive(images).frames()).truth, truth(0))
    np.testing.assert_array_equal(next(open_drive(next(images.iterdir())).frames()).truth, truth(0))


def test_grey_and_alpha_images_become_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 5), 7, np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.full((4, 5, 4), 9, np.uint8))
    assert [f.image.shape for f in open_drive(tmp_path)] == [(4, 5, 3)] * 2


def test_video_has_its_own_rate(tmp_path):
    drive = open_drive(write_video(tmp_path / "drive.mp4", COUNT, rate=10.0))
    frames = list(drive)
    assert (len(drive), len(frames), drive.rate_hz) == (COUNT, COUNT, 10.0)
    assert frames[2].recorded_ns == 200_000_000
    assert frames[7].image[..., 0].mean() == pytest.approx(140, abs=8), "RGB, in order"


@pytest.mark.parametrize("storage", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
@pytest.mark.parametrize("kind", [RAW, COMPRESSED])
def test_bag_folder_and_storage_file(tmp_path, storage, kind):
    folder = write_bag(tmp_path / "bag", 4, storage, ((("/camera/image_raw"), kind),))
    (file,) = [p for p in folder.iterdir() if p.suffix in (".db3", ".mcap")]
    for path in (folder, file):
        frames = list(open_drive(path))
        assert [f.recorded_ns for f in frames] == [START + i * 100_000_000 for i in range(4)]
        for index, item in enumerate(frames):
            np.testing.assert_array_equal(item.image, frame(index))


@pytest.fixture
def asked():
    """(the address of a server on this machine, what it was asked for)."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_error(404)

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", requests
        server.shutdown()


def test_a_video_is_a_file_whatever_its_path_begins_like(tmp_path, monkeypatch, asked):
    address, requests = asked
    monkeypatch.chdir(tmp_path)
    for folder in (f"http:/{address}", "concat:a", "subfile,,start,0,end,9,,:a", "cache:http:"):
        (tmp_path / folder).mkdir(parents=True)
        write_video(tmp_path / folder / "a.mp4", 2)
        assert len(list(open_drive(Path(folder) / "a.mp4"))) == 2
    assert not requests


def test_a_list_under_a_videos_name_opens_nothing(tmp_path, asked):
    address, requests = asked
    write_video(tmp_path / "other.mp4", 2)
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    texts = {
        "concat": "ffconcat version 1.0\nfile 'other.mp4'\n",
        "address": playlist.format(f"http://{address}/a.ts"),
        "playlist": playlist.format(tmp_path / "other.mp4"),
        "stream": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 {address}\nm=video 5004 RTP/AVP 96\n",
    }
    for name, text in texts.items():
        for ending in (".mp4", ".ts", ".mkv"):
            path = tmp_path / (name + ending)
            path.write_text(text)
            assert_refused(path, path, "does not decode as a video")
    assert not requests


@pytest.mark.parametrize("name", ["drive.mp4", "drive.mcap", "drive.png"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert_refused(tmp_path / name, tmp_path / name)


def test_bag_folder_without_metadata_is_read(tmp_path):
    folder = write_bag(tmp_path / "bag", 3)
    (folder / "metadata.yaml").unlink()
    assert len(list(open_drive(folder))) == 3


def test_ros1_bag(tmp_path):
    frames = list(open_drive(write_ros1_bag(tmp_path / "old.bag", 3)))
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[2].image, frame(2))


def test_bag_topic_is_chosen_and_said(tmp_path, caplog):
    folder = write_bag(tmp_path / "bag", 2, topics=(("/rear", RAW), ("/front", COMPRESSED)))
    assert open_drive(folder).topic == "/front"
    assert "playing /front" in caplog.text and "/rear" in caplog.text
    assert open_drive(folder, topic="/rear").topic == "/rear"
    assert_refused(folder, folder, "/left", "/front, /rear", topic="/left")


def test_bag_played_at_a_given_rate(tmp_path):
    drive = open_drive(write_bag(tmp_path / "bag", 3), rate=50.0)
    assert (drive.rate_hz, [f.recorded_ns for f in drive]) == (50.0, [0, 20_000_000, 40_000_000])


def test_missing_path(tmp_path):
    assert_refused(tmp_path / "nowhere", tmp_path / "nowhere", "does not exist")


def test_empty_folder_and_folder_without_images(tmp_path):
    assert_refused(tmp_path, tmp_path, "is empty")
    (tmp_path / "notes.txt").write_text("hello")
    assert_refused(tmp_path, tmp_path, "no images", "notes.txt")


def test_empty_and_unknown_files(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert_refused(tmp_path / "a.mp4", "empty file")
    (tmp_path / "a.xyz").write_text("hello")
    assert_refused(tmp_path / "a.xyz", "unknown kind", ".mp4")


def test_labels_beside_the_images_belong_to_the_input_however_it_is_named(tmp_path, monkeypatch):
    images = write_folder(tmp_path / "drive" / "images", 2)
    link = tmp_path / "link"
    link.symlink_to(images)
    monkeypatch.chdir(images)
    for path in (images, link, Path("."), Path("frame_1.png"), link / "frame_1.png"):
        folders = {folder.resolve() for folder in open_drive(path, with_truth=False).folders}
        assert folders == {images, images.parent / "labels"}, path


def test_labels_beside_the_files_that_links_lead_to_belong_to_the_input(tmp_path):
    images = write_folder(tmp_path / "drive", 2, with_labels=False).rename(tmp_path / "drive" / "rgb")
    subset = tmp_path / "subset"
    subset.mkdir()
    (subset / "a.png").symlink_to(images / "frame_1.png")
    labels = images.parent / "labels"
    for path in (images, images / "frame_1.png", subset):
        assert labels not in {folder.resolve() for folder in open_drive(path, with_truth=False).folders}
    labels.mkdir()
    for path in (images, images / "frame_1.png", subset):
        assert labels in {folder.resolve() for folder in open_drive(path, with_truth=False).folders}


@pytest.mark.parametrize("maximum", [1, 63, 254, 255])
@pytest.mark.parametrize("kind", [b"P5", b"P6"])
def test_a_netpbm_file_of_fewer_values_is_not_read_as_dusk(tmp_path, kind, maximum):
    path = tmp_path / "a.ppm"
    path.write_bytes(kind + b" # its size\n4\t2\n#\n%d\n" % maximum + bytes(range(24)))
    if maximum < 255:
        assert_refused(path, path, f"values up to {maximum}")
    else:
        assert len(list(open_drive(path))) == 1


def test_alpha_is_no_sample_of_a_cameras(tmp_path):
    path = tmp_path / "a.png"
    samples = np.random.default_rng(0).integers(0, 4096, (48, 64, 4), np.uint16)
    samples[..., 3] = 65535
    cv2.imwrite(str(path), samples)
    assert_refused(path, path, "uses 12 of the 16 bits")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_a_file_of_a_camera_of_ten_bits_is_not_read_as_night(tmp_path, suffix):
    samples = np.random.default_rng(0).integers(0, 1024, (48, 64), np.uint16)
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), samples)
    assert_refused(path, path, "uses 10 of the 16 bits", "scale them to 0..65535")
    cv2.imwrite(str(path), samples << 6)
    (only,) = open_drive(path)
    np.testing.assert_array_equal(only.image[..., 0], samples >> 2)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_image(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), frame(3))
    path.write_bytes(path.read_bytes()[:-200])
    assert_refused(tmp_path, path, "truncated")


def test_text_called_png(tmp_path):
    (tmp_path / "a.png").write_text("not an image")
    assert_refused(tmp_path / "a.png", "a.png", "not a readable image")


def test_two_images_of_one_stem(tmp_path):
    for name in ("a.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), frame(0))
    assert_refused(tmp_path, "same stem", "rename")


def test_truth_of_wrong_size_kind_or_missing(tmp_path):
    images = write_folder(tmp_path, 2)
    path = tmp_path / "labels" / "frame_1.png"
    cv2.imwrite(str(path), np.zeros((10, 20), np.uint8))
    assert_refused(images, path, "20x10", "64x48")
    cv2.imwrite(str(path), frame(0))
    assert_refused(images, path, "it is a colour image")
    path.unlink()
    assert_refused(images, path, "missing")


def test_video_that_does_not_decode(tmp_path, capfd):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    assert_refused(path, path, "does not decode")
    assert capfd.readouterr().err == "", "the decoder's own noise stays off stderr"


def test_video_that_asks_for_a_turn_is_read_as_stored(tmp_path):
    path = write_video(tmp_path / "drive.mp4", COUNT)
    upright = [frame.image for frame in open_drive(path)]
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44  # behind version, flags, times, track, duration, layer and volume
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(content)
    frames = list(open_drive(path))
    assert all(one.asks_for_turn for one in frames) and len(frames) == len(upright)
    for one, image in zip(frames, upright):
        np.testing.assert_array_equal(one.image, image)


def test_video_cut_short_says_how_much_was_read(tmp_path, caplog):
    path = write_video(tmp_path / "drive.avi", COUNT)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    drive = open_drive(path)
    count = len(list(drive))
    assert 0 < count < len(drive)
    assert f"{count} of the {len(drive)} frames" in caplog.text


def test_bag_without_images(tmp_path):
    folder = write_bag(tmp_path / "bag", 2, topics=(("/chatter", "std_msgs/msg/String"),))
    assert_refused(folder, folder, "no images", "/chatter (std_msgs/msg/String)")


def test_bag_with_no_message_on_its_image_topic(tmp_path):
    folder = write_bag(tmp_path / "bag", 0)
    assert_refused(folder, folder, "/camera/image_raw")


@pytest.mark.parametrize("suffix", [".db3", ".mcap", ".bag"])
def test_garbage_called_a_bag(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"garbage" * 100)
    assert_refused(path, path, "cannot be read as a bag")


def test_bag_with_a_damaged_storage_file(tmp_path):
    folder = write_bag(tmp_path / "bag", 4)
    (file,) = folder.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:8000])
    assert_refused(folder, folder, "cannot be read as a bag")


@pytest.mark.parametrize("rate", [0.0, -1.0, 5000.0])
def test_rate_out_of_range(tmp_path, rate):
    assert_refused(tmp_path, "rate", "Hz", rate=rate)
