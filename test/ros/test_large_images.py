"""2048x1024 images between processes: what config/fastdds_large_images.xml is for."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import BEST_EFFORT, ROOT, TIMEOUT_S

COUNT = 20
PROFILE = {name: str(ROOT / "config" / "fastdds_large_images.xml")
           for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")}


@pytest.fixture
def camera(ros):
    environment = dict(os.environ, PYTHONPATH=str(ROOT), **PROFILE)
    script = str(ROOT / "test" / "ros" / "camera_process.py")
    process = subprocess.Popen([sys.executable, script, "2048", "1024", "10", str(COUNT)], env=environment,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    yield process
    process.communicate("", timeout=TIMEOUT_S)


@pytest.mark.slow
def test_best_effort_images_and_labels_arrive_with_the_profile(start_node, observer, camera):
    node = start_node()  # which takes the profile by itself
    heard = observer.listen("/segmentation/labels", BEST_EFFORT)
    assert camera.stdout.readline() == "matched\n"
    observer.status(lambda s: s.facts["state"] == "active", "an active node")
    camera.stdin.write("go\n")
    camera.stdin.flush()
    observer.wait(lambda: any(labels.header.stamp.sec == COUNT for labels in heard), "the last labels")
    status = observer.status(lambda s: s.facts["pending"] == "0", "a settled account")
    # Without the profile one or two arrive; a busy machine may cost a few with it.
    assert int(status.facts["received"]) >= COUNT - 5
    assert len(heard) >= COUNT - 5
    assert {(labels.width, labels.height) for labels in heard} == {(2048, 1024)}
    assert node.stop() == 0
