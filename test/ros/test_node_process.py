"""Start, lifecycle and end of the real node's process."""

import signal

import pytest
import yaml

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import ROOT, Observer, ros_arguments
from test_segmentation_node import _is_settled, _message, _picture, _send_and_hear

from bisenet_ros.segmentation_node import main

CONFIG = ROOT / "config"


def _active(status):
    return status.facts["state"] == "active"


def test_lifecycle_manager_takes_it_through_its_states(start_node, observer):
    node = start_node(autostart="false")
    assert observer.state() == "unconfigured"
    heard = observer.listen("/segmentation/labels")
    for second in (1, 2):  # all of it can be done again
        assert observer.change_state("configure")
        assert observer.state() == "inactive"
        assert observer.node.count_subscribers("/image") == 0
        assert observer.change_state("activate")
        assert observer.state() == "active"
        camera = observer.camera()
        _send_and_hear(observer, camera, heard, _message(_picture(), second=second))
        assert observer.change_state("deactivate")
        observer.wait(lambda: observer.node.count_subscribers("/image") == 0, "the subscription's end")
        assert observer.change_state("cleanup")
        assert observer.state() == "unconfigured"
        observer.node.destroy_publisher(camera)
    assert observer.change_state("configure")
    assert observer.change_state("shutdown")
    assert observer.state() == "finalized"
    assert node.stop() == 0
    assert "images: received 2 = published 2 + dropped 0 + failed 0" in node.output.splitlines()[-1]


def test_a_model_that_does_not_open_leaves_it_alive_for_the_manager(run_node, observer, tmp_path):
    run_node(autostart="false", model=tmp_path / "no_such_model")
    assert not observer.change_state("configure")
    assert observer.state() == "unconfigured"
    status = observer.status(lambda s: s.level == b"\x02", "an error")
    assert status.message == "the model folder {} does not exist".format(tmp_path / "no_such_model")


def test_the_cityscapes_preset_says_how_to_get_its_weights(start_node, tmp_path):
    home = {"HOME": str(tmp_path)}
    preset = ["--params-file", CONFIG / "cityscapes.yaml"]
    alone = start_node(preset, model="cityscapes_bisenetv2", environment=home)
    assert alone.wait() == 2
    assert "run `bisenet weights fetch cityscapes-bisenetv2`" in alone.output
    assert len(alone.output.splitlines()) == 1


def test_the_cityscapes_preset_labels_with_the_shipped_model_meanwhile(start_node, observer, tmp_path):
    model = yaml.safe_load((CONFIG / "cityscapes.yaml").read_text())["/**"]["ros__parameters"]["model"]
    node = start_node(model=model, environment={"HOME": str(tmp_path)})
    assert observer.status(_active, "labelling").facts["model"] == "cityscapes_bisenetv2_distilled"
    assert node.stop() == 0
    warnings = [line for line in node.output.splitlines() if "weights fetch cityscapes-bisenetv2`" in line]
    assert len(warnings) == 1 and "meanwhile cityscapes_bisenetv2_distilled labels" in warnings[0]


@pytest.mark.parametrize("arguments, parameters, complaint", [
    ([], {"masks": "[Rode]"}, "masks: unknown class 'Rode': did you mean 'Road'?"),
    ([], {"overlay_alpha": 3}, "overlay_alpha is 3; expected a number from 0 to 1"),
    ([], {"min_confidence": 1.5}, "Parameter min_confidence out of range Min: 0.0, Max: 1.0, value: 1.5"),
    ([], {"reliability": "good"}, "reliability is 'good'; expected one of best_effort, reliable"),
    ([], {"input_width": "wide"}, "'input_width' to 'wide' of type 'STRING', expecting type 'INTEGER'"),
    ([], {"backend": "magic"}, "unknown backend 'magic'; use one of auto, "),
    (["--params-file", "/no/such/file.yaml"], {}, "Couldn't parse params file: '--params-file /no/such/file"),
    (["--wrong"], {}, "unknown ROS arguments: ['--wrong']"),
])
def test_what_it_cannot_start_with_ends_it_with_one_line(refused, tiny_model_folder, arguments, parameters,
                                                         complaint):
    settings = dict({"model": tiny_model_folder, "precision": "fp32"}, **parameters)
    output = refused(main, *ros_arguments(arguments, settings))
    assert complaint in output.strip().splitlines()[-1]
    assert "Traceback" not in output


def test_a_misspelt_parameter_is_pointed_out(run_node, capfd):
    run_node(overlay_alfa=0.3)
    said = "".join(capfd.readouterr())
    assert "unknown parameter 'overlay_alfa' is ignored; did you mean 'overlay_alpha'?" in said


@pytest.mark.parametrize("preset", ["segmentation", "camvid"])
def test_parameter_files_are_read_and_parameters_override_them(run_node, observer, capfd, preset):
    run_node(["--params-file", CONFIG / (preset + ".yaml")], stale_after=60)  # or a warning of no camera
    observer.status(lambda s: _active(s) and s.facts["model"] == "tiny", "an active node")
    assert "WARN" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_signals_end_it_cleanly_with_every_image_accounted_for(start_node, observer, signals):
    node = start_node()
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
    for second in range(2, 40):
        camera.publish(_message(_picture(), second=second))
    assert node.stop(*signals) == 0
    assert _is_settled(node.output), node.output
    assert "Traceback" not in node.output


def test_a_signal_cannot_kill_it_while_python_ends(ros, tiny_model_folder):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(["node", *ros_arguments([], {"model": tiny_model_folder, "masks": "[Rode]"})]) == 2
        # Python takes handlers of its own away before it has ended, but leaves this one.
        assert {signal.getsignal(number) for number in handlers} == {signal.SIG_IGN}
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_namespace_and_remapping_move_every_name(run_node):
    run_node(["-r", "__ns:=/front", "-r", "image:=/camera/image_raw"])
    with Observer("/front/segmentation") as observer:
        heard, camera = observer.listen("/front/segmentation/labels"), observer.camera("/camera/image_raw")
        status = observer.status(lambda s: "active" in s.facts["state"], "an active node")
        assert status.name == "front/segmentation: image"
        _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
