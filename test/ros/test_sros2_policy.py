"""config/sros2_policy.xml against the topics and services of the real node."""

import xml.etree.ElementTree as ElementTree
from fnmatch import fnmatchcase

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import ROOT

from bisenet_core.labels.label_space import CAMVID_11

POLICY = ROOT / "config" / "sros2_policy.xml"
NODE, NAMESPACE = "segmentation", "/"


@pytest.fixture(scope="module")
def allowed():
    """(element, attribute) -> the full names that the policy allows, some with wildcards."""
    root = ElementTree.parse(str(POLICY)).getroot()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    enclaves = root.findall("./enclaves/enclave")
    assert [enclave.get("path") for enclave in enclaves] == ["/segmentation"]
    profiles = enclaves[0].findall("./profiles/profile")
    assert [profile.attrib for profile in profiles] == [{"ns": NAMESPACE, "node": NODE}]
    names = {}
    for group in profiles[0]:
        (attribute, rule), = group.attrib.items()
        assert rule == "ALLOW" and group.tag in ("topics", "services")
        assert {one.tag for one in group} == {group.tag[:-1]}
        names.setdefault((group.tag, attribute), []).extend(_full_name(one.text) for one in group)
    return names


def _full_name(name):
    """As sros2 resolves it."""
    if name.startswith("/"):
        return name
    return NAMESPACE + (NODE + name[1:] if name.startswith("~") else name)


def _not_allowed(names, patterns):
    return [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)]


@pytest.mark.parametrize("parameters, camera, images", [
    ({}, "", "/image"),
    ({"cameras": "[front, left]"}, "left/", "/left/image"),
    ({"cameras": "[front, left]", "image_transport": "compressed"}, "left/", "/left/image/compressed")])
def test_the_policy_allows_all_that_the_node_has(allowed, run_node, parameters, camera, images):
    # The node itself knows all of its own names; another learns of them one by one.
    graph = run_node(masks="['*']", use_sim_time="true", **parameters).node
    masks = {f"/segmentation/{camera}masks/" + CAMVID_11.topic_name(index)
             for index in range(CAMVID_11.num_classes)}
    published = _names(graph.get_publisher_names_and_types_by_node)
    assert masks | {f"/segmentation/{camera}labels", "/diagnostics", "/rosout"} <= set(published)
    assert _not_allowed(published, allowed["topics", "publish"]) == []
    subscribed = _names(graph.get_subscriber_names_and_types_by_node)
    assert {images, "/clock"} <= set(subscribed)
    assert _not_allowed(subscribed, allowed["topics", "subscribe"]) == []
    services = _names(graph.get_service_names_and_types_by_node)
    assert {"/segmentation/change_state", "/segmentation/set_parameters"} <= set(services)
    assert _not_allowed(services, allowed["services", "reply"]) == []


def _names(query):
    return [name for name, _ in query(NODE, NAMESPACE)]


def test_it_allows_nothing_to_be_published_outside_the_nodes_own_names(allowed):
    shared = {"/diagnostics", "/rosout", "/parameter_events"}
    assert set(allowed) == {("topics", "publish"), ("topics", "subscribe"), ("services", "reply")}
    own = set(allowed["topics", "publish"]) - shared | set(allowed["services", "reply"])
    assert all(name.startswith("/segmentation/") for name in own)
    for names in allowed.values():
        assert len(names) == len(set(names))
        assert [name for name in names if "*" in name] in (
            [], ["/segmentation/*"], ["/*/image", "/*/image/compressed"])


def test_a_topic_that_is_not_listed_would_be_found(allowed):
    patterns = allowed["topics", "publish"]
    assert _not_allowed(["/segmentation/labels", "/segmentation/masks/Road"], patterns) == []
    others = ["/segmentation_2/labels", "/cmd_vel"]
    assert _not_allowed(others, patterns) == others
