"""The replay node and the segmentation node, each a process of its own, over real DDS."""

import cv2
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")
pytest.importorskip("std_srvs.srv", reason="needs ros-std-srvs: pip install .[ros]")

from node_harness import Observer
from recorded_bags import COMPRESSED, LABELS, images, label_records, labels, picture, png, write_bag
from rendered_bag import BEGAN_NS
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool

from bisenet_ros.harness.player import stamp_ns
from bisenet_ros.replay.live_results import nothing_done, progress_line

CLOCKED = ["-r", "__ns:=/clocked"]


def labels_of(bag):
    return bag.with_name(bag.name + "_labels")


def test_each_label_is_scored_by_the_truth_of_its_own_frame(node, start_replay, rendered_bag, results):
    replay = start_replay(rendered_bag, labels=labels_of(rendered_bag))
    assert replay.wait() == 0, replay.output
    live = results()
    assert live["published"] == 12 and live["problem"] is None and not live["interrupted"]
    fates = live["frames"] + sum(live["dropped"].values()) + sum(live["failed"].values()) + live["lost"]
    assert fates == 12 and live["frames"] == live["scored"] > 0
    # The truth is what the model makes of each image: labels taken for another frame's would not be perfect.
    assert live["miou"] == live["pixel_accuracy"] == live["as_driven"]["pixel_accuracy"] == 1.0
    assert sum(map(sum, live["confusion_matrix"])) == live["scored"] * 96 * 64
    assert live["as_driven"]["share_labelled"] == pytest.approx(live["frames"] / 12, abs=1e-6)
    latency = live["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert live["bag"]["frames"] == 12 and live["bag"]["truth"].startswith("12 labels in ")
    assert "as driven: mIoU 100.0%" in replay.output


def test_labels_of_the_bag_are_its_truth_and_not_its_camera(node, start_replay, bags, results):
    replay = start_replay(bags["labelled"], label_topic="/a_truth", clock=True)
    assert replay.wait() == 0, replay.output
    live = results()
    assert live["bag"]["topic"] == "/camera/image_raw" and live["bag"]["truth"].startswith("12 labels")
    assert live["frames"] == live["scored"] > 0 and live["pixel_accuracy"] == 1.0
    assert live["as_driven"]["age_ms"] is None, "by its stamps a drive of half a century"
    (note,) = live["bag"]["notes"]
    assert "of another clock" in note and replay.output.count(note) == 1


def test_what_is_odd_about_the_bag_is_said(start_replay, bags):
    replay = start_replay(bags["labelled"], ["-r", "__ns:=/none"], ready_timeout=1)
    assert replay.wait() == 2
    assert "playing /a_truth of its image topics" in replay.output.splitlines()[0]


def test_with_a_clock_the_recorded_stamps_are_of_the_present(
        clocked_node, start_replay, rendered_bag, results, observer):
    # by the computer's clock the drive is years old
    images, labels = observer.listen("/clocked/image"), observer.listen("/clocked/segmentation/labels")
    replay = start_replay(rendered_bag, CLOCKED, clock=True, loop=True)
    observer.wait(lambda: images and len(labels) > 3, "images and labels")
    assert replay.stop() == 0, replay.output
    for message in images + labels:
        assert BEGAN_NS <= stamp_ns(message.header.stamp) < BEGAN_NS + 10**12
        assert message.header.frame_id == "front_optical"
    live = results()
    assert live["frames"] > 0 and "too_old" not in live["dropped"]
    assert 0 < live["as_driven"]["age_ms"]["p50"] < 10_000
    assert live["miou"] is None and live["scored"] == 0, "there is no ground truth"


def test_it_loops_pauses_and_writes_what_it_has_when_stopped(
        clocked_node, start_replay, rendered_bag, results, observer):
    labels = observer.listen("/clocked/segmentation/labels")
    clock = observer.listen("/clock", message_type=Clock)
    replay = start_replay(rendered_bag, CLOCKED, clock=True, loop=True, rate=3.0)
    second_pass = BEGAN_NS + 10**9  # a pass takes 0.8 s
    observer.wait(lambda: any(stamp_ns(one.header.stamp) > second_pass for one in labels), "another pass")

    with Observer("/clocked/replay") as client:
        def pause(on):
            return client._call(SetBool, "pause", SetBool.Request(data=on))

        assert pause(True).message == "paused"
        observer.wait(lambda: len(clock) > 1 and clock[-1] == clock[-2] and clock[-1], "a clock that stands")
        stood, count = clock[-1], len(clock)
        observer.wait(lambda: len(clock) > count + 20, "more of the clock")
        assert clock[-1] == stood
        assert pause(False).message == "playing"
    observer.wait(lambda: stamp_ns(clock[-1].clock) > stamp_ns(stood.clock), "a clock that goes on")
    assert replay.stop() == 0, replay.output
    live = results()
    assert live["interrupted"] and live["problem"] is None and live["frames"] > 0
    assert live["bag"]["frames"] == 12 < live["published"]


def test_it_survives_the_node(start_node, start_replay, rendered_bag, results, observer):
    mortal = ["-r", "__ns:=/mortal"]
    node, labels = start_node(mortal), observer.listen("/mortal/segmentation/labels")
    replay = start_replay(rendered_bag, mortal, labels=labels_of(rendered_bag), loop=True)
    observer.wait(lambda: len(labels) >= 3, "labels")
    node.stop()
    assert replay.wait() == 2
    problem = results()["problem"]
    assert problem in replay.output.splitlines()[-1]
    assert "no nodes publish" in problem or "nobody subscribes to" in problem or "not active" in problem
    assert results()["frames"] >= 3 and results()["pixel_accuracy"] == 1.0


def test_ground_truth_that_cannot_be_read_exactly_scores_nothing_and_the_status_says_so(
        node, start_replay, results, tmp_path):
    jpeg = cv2.imencode(".jpg", labels(0, 96, 64))[1].tobytes()
    truth = [record._replace(pixels=jpeg) for record in label_records(3, COMPRESSED)]
    pictures = [record._replace(pixels=picture(0, 96, 64)) for record in images(3)]
    replay = start_replay(write_bag(tmp_path / "bag", [*pictures, *truth]), label_topic=LABELS)
    assert replay.wait() == 2, replay.output
    live = results()
    assert live["frames"] > 0 and live["scored"] == 0 and live["miou"] is None
    assert live["problem"] in replay.output.splitlines()[-1]
    assert "no pixel could be scored with this ground truth" in live["problem"]
    assert "it is a JPEG, whose compression changes ids" in live["problem"]


def test_a_bag_of_which_nothing_can_be_played_ends_even_in_a_loop(node, start_replay, results, tmp_path):
    damaged = [record._replace(pixels=png(picture(0))[:90]) for record in images(3, COMPRESSED)]
    replay = start_replay(write_bag(tmp_path / "bag", damaged), loop=True)
    assert replay.wait() == 2, replay.output
    assert results()["published"] == 0
    assert "none of the images could be played; 3 images not played: damaged" in results()["problem"]


def test_a_score_on_images_of_the_training_is_marked():
    results = {"published": 2, "frames": 2, "latency_ms": None, "miou": 0.5, "pixel_accuracy": 0.5,
               "scored": 2, "seen_in_training": "trained on these images"}
    assert progress_line(results).endswith("over 2 images; trained on these images")


@pytest.mark.parametrize("changes, words", [
    ({}, ""), ({"truth": None, "miou": None}, ""),
    ({"published": 0, "frames": 0}, "none of the images could be played; 1 image not scored: odd"),
    ({"frames": 0}, "none of the 3 images came back labelled"), ({"miou": None}, "no pixel could be scored"),
])
def test_what_has_shown_nothing_is_said(changes, words):
    truth = {"truth": changes.get("truth", "3 labels")}
    results = {"published": 3, "frames": 2, "miou": 0.5, "bag": truth,
               "left_out": ["1 image not scored: odd"], **changes}
    assert nothing_done(results).startswith(words) and bool(nothing_done(results)) == bool(words)


@pytest.mark.parametrize("parameters, complaint", [
    ({"bag": "''"}, "no bag to play"),
    ({"bag": "nowhere.mcap"}, "nowhere.mcap"),
    ({"topic": "/other"}, "has no images on /other"),
    ({"model": "no_such_model"}, "no_such_model"),
    ({"labels": "nowhere"}, "nowhere"),
    ({"label_topic": "/truth"}, "has no topic /truth"),
    ({"rate": 20}, "rate is 20; expected a number from 0.1 to 10"),
    ({"ready_timeout": 1, "__ns": "/none"},
     "no diagnostics of /none/segmentation came after 1 s; is the segmentation node runn"),
])
def test_what_cannot_be_played_is_one_line(refuse, rendered_bag, parameters, complaint):
    assert complaint in refuse(**dict({"bag": rendered_bag}, **parameters))


def test_results_of_an_earlier_run_are_kept(refuse, rendered_bag, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "live.json").write_text("earlier")
    assert "results of an earlier run" in refuse(rendered_bag)
    assert (tmp_path / "out" / "live.json").read_text() == "earlier"


def test_nothing_is_written_into_the_bag(refuse, rendered_bag):
    before = sorted(rendered_bag.iterdir())
    assert "would write into" in refuse(rendered_bag, output=rendered_bag / "out")
    assert sorted(rendered_bag.iterdir()) == before


def test_it_does_not_mix_with_another_camera(node, start_replay, rendered_bag, observer):
    labels = observer.listen("/segmentation/labels")
    replay = start_replay(rendered_bag, loop=True)
    observer.wait(lambda: labels, "labels")
    observer.camera()
    assert replay.wait() == 2
    assert "2 nodes publish /image; expected one" in replay.output


def test_another_model_is_not_scored_by_these_classes(
        node, refuse, rendered_bag, tmp_path, tiny_model_folder, write_model_folder):
    network = (tiny_model_folder / "model.onnx").read_bytes()
    other = write_model_folder(tmp_path / "other", network, name="other")
    line = refuse(rendered_bag, model=other)
    assert "/segmentation runs tiny" in line and "classes of other" in line
    assert not (tmp_path / "out" / "live.json").exists()


def test_results_that_cannot_be_written_are_noticed_before_playing(node, refuse, rendered_bag, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot write" in refuse(rendered_bag, output=tmp_path / "file" / "out")
