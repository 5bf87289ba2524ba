"""Python's logging arrives at the node's logger, each level at its own."""

import logging

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from rclpy.logging import get_logger

from bisenet_ros.log_forwarding import forward_logging, stop_forwarding

PACKAGE = "bisenet_core"


@pytest.fixture
def forwarded(ros):
    handler = forward_logging(get_logger("forwarding_test"), PACKAGE)
    yield logging.getLogger(PACKAGE + ".runtime.backend")
    stop_forwarding(handler, PACKAGE)


def test_every_level_keeps_its_severity(forwarded, capfd):
    for _ in range(2):  # rclpy refuses two severities from one line of code
        forwarded.debug("at debug")
        forwarded.info("runs on %s", "openvino")
        forwarded.warning("at warning")
        forwarded.error("at error")
        forwarded.critical("at critical")
    output = "".join(capfd.readouterr())
    for severity, text in (("INFO", "runs on openvino"), ("WARN", "at warning"), ("ERROR", "at error"),
                           ("FATAL", "at critical")):
        lines = [line for line in output.splitlines() if text in line]
        assert len(lines) == 2
        assert all(f"[{severity}]" in line and "[forwarding_test]" in line for line in lines)
    assert "at debug" not in output


def test_nothing_is_forwarded_afterwards(capfd):
    handler = forward_logging(get_logger("forwarding_test"), PACKAGE)
    stop_forwarding(handler, PACKAGE)
    logging.getLogger(PACKAGE).info("too late")
    assert "too late" not in "".join(capfd.readouterr())
