"""The Fast DDS profile for large images: what it says, when it is used, under which name. No ROS needed."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from bisenet_ros import dds_profile
from bisenet_ros.dds_profile import PROFILE_NAME, large_image_profile, older_than, profile_path

PROFILE = Path(__file__).resolve().parents[2] / "config" / PROFILE_NAME


@pytest.mark.parametrize("variables", [{}, {"AMENT_PREFIX_PATH": "/nowhere:"}])
def test_the_source_trees_own_is_found_first(variables):
    assert profile_path(variables) == PROFILE


def test_an_installed_one_is_found_by_its_prefix(tmp_path, monkeypatch):
    monkeypatch.setattr(dds_profile, "__file__", str(tmp_path / "site-packages/bisenet_ros/dds_profile.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    assert profile_path({}) == Path(PROFILE_NAME)  # nowhere: its name alone
    for prefix in ("python", "ament"):
        installed = tmp_path / prefix / "share/bisenet_ros/config" / PROFILE_NAME
        installed.parent.mkdir(parents=True)
        installed.write_text("")
        assert profile_path({"AMENT_PREFIX_PATH": f"/nowhere:{tmp_path / 'ament'}"}) == installed


@pytest.fixture
def shared_memory(monkeypatch):
    """``shared_memory(mib)``: as if so much were free."""
    def have(mib):
        monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_bavail=mib << 8, f_frsize=4096))

    return have


@pytest.mark.parametrize("environment, names", [
    ({}, ["FASTDDS_DEFAULT_PROFILES_FILE"]),
    ({"ROS_DISTRO": "kilted"}, ["FASTDDS_DEFAULT_PROFILES_FILE"]),
    ({"ROS_DISTRO": "rolling"}, ["FASTDDS_DEFAULT_PROFILES_FILE"]),
    ({"ROS_DISTRO": "jazzy"}, ["FASTRTPS_DEFAULT_PROFILES_FILE"]),
    ({"ROS_DISTRO": "foxy"}, ["FASTRTPS_DEFAULT_PROFILES_FILE"]),
    ({"FASTDDS_DEFAULT_PROFILES_FILE": "/mine.xml"}, []),
    ({"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"}, []),
])
def test_it_is_used_unless_the_user_has_one(shared_memory, environment, names):
    shared_memory(192)
    assert large_image_profile(environment, PROFILE) == ({name: str(PROFILE) for name in names}, "")


def test_it_is_not_used_where_its_segments_do_not_fit(shared_memory):
    shared_memory(64)  # Docker's default
    variables, why_not = large_image_profile({}, PROFILE)
    assert not variables
    assert "/dev/shm has 64 MiB free and large images need 192" in why_not
    assert "docker run --shm-size=1g" in why_not and "\n" not in why_not


def test_no_shared_memory_is_no_room():
    assert large_image_profile({}, PROFILE, "/no/such/folder")[1].startswith("/no/such/folder has 0 MiB free")


def test_distributions_have_their_age():
    ages = {name: older_than("iron", {"ROS_DISTRO": name}) for name in ("foxy", "humble", "iron", "rolling")}
    assert ages == {"foxy": True, "humble": True, "iron": False, "rolling": False}
    assert not older_than("kilted", {})


def test_the_profile_has_a_large_segment_and_udp():
    space = "{http://www.eprosima.com}"
    tree = ElementTree.parse(str(PROFILE))
    transports = {item.find(space + "type").text: item for item in tree.iter(space + "transport_descriptor")}
    assert set(transports) == {"SHM", "UDPv4"}
    assert int(transports["SHM"].find(space + "segment_size").text) == 64 << 20
