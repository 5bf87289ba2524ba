"""The demo's ROS is its own: nothing it publishes may reach a robot."""

import os

import pytest

from bisenet_ros.harness import tool as isolation


@pytest.mark.parametrize("taken", [None, "0", "42", " 7", "the first choice", "not a number"])
def test_the_domain_is_never_the_users(taken):
    taken = str(os.getpid() % 101 + 1) if taken == "the first choice" else taken
    environment = {} if taken is None else {"ROS_DOMAIN_ID": taken}
    isolation.isolate(environment)
    assert environment["ROS_DOMAIN_ID"] != (taken or "0").strip()
    assert 1 <= int(environment["ROS_DOMAIN_ID"]) <= 101


def test_every_pid_has_a_domain_of_its_own(monkeypatch):
    for pid in range(1, 300):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        environment = {"ROS_DOMAIN_ID": str(pid % 101 + 1)}
        isolation.isolate(environment)
        assert int(environment["ROS_DOMAIN_ID"]) in set(range(1, 102)) - {pid % 101 + 1}


@pytest.mark.parametrize("distribution, localhost_only", [
    ("foxy", "1"), ("humble", "1"), ("iron", None), ("kilted", None), ("rolling", None), (None, None),
])
def test_it_stays_on_this_machine(distribution, localhost_only):
    environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_STATIC_PEERS": "robot.local",
                   "ROS_DISCOVERY_SERVER": "robot.local:11811", "ROS_LOCALHOST_ONLY": "0"}
    environment.update({"ROS_DISTRO": distribution} if distribution else {})
    isolation.isolate(environment)
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert environment.get("ROS_LOCALHOST_ONLY") == localhost_only
    assert not {"ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER"} & set(environment)


@pytest.mark.parametrize("answer", [({"VARIABLE": "file"}, ""), ({}, "/dev/shm has no room")])
def test_the_profile_is_used_or_one_line_says_why_not(monkeypatch, capsys, answer):
    monkeypatch.setattr("bisenet_ros.dds_profile.large_image_profile", lambda environment, path: answer)
    environment = {}
    isolation.let_large_images_through(environment)
    assert environment == answer[0]
    assert capsys.readouterr().out == ("demo: {}\n".format(answer[1]) if answer[1] else "")
