"""A network of each family, from fresh weights to labels published by the node."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from fresh_networks import fresh_network
from std_msgs.msg import Header

from bisenet_core.deployment.onnx_file import write_onnx
from bisenet_core.deployment.stored_weights import deployable
from bisenet_core.images.encodings import view_image
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.image_messages import image_to_msg

# Every network becomes a folder that the Segmenter opens in test/deployment/test_model_folder.py.
FAMILIES = ("bisenetv1_resnet18", "bisenetv2", "stdc1_seg")
HEIGHT, WIDTH = 75, 124  # of the camera; the network runs at 96x64


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_node_publishes_what_the_segmenter_finds(name, observer, run_node, write_model_folder, tmp_path):
    network, _ = fresh_network(name, 11)
    write_onnx(deployable(network), 96, 64, tmp_path / "network.onnx")
    onnx_bytes = (tmp_path / "network.onnx").read_bytes()
    folder = write_model_folder(tmp_path / "model", onnx_bytes, name=name, architecture=name)
    blocks = np.random.default_rng(0).integers(0, 256, (5, 8, 3), np.uint8)
    image = np.kron(blocks, np.ones((16, 16, 1), np.uint8))[:HEIGHT, :WIDTH]
    with Segmenter.open(str(folder), precision="fp32") as segmenter:
        expected = segmenter.segment(image, color_order="rgb").labels
    assert expected.shape == (HEIGHT, WIDTH) and len(np.unique(expected)) > 1

    run_node(model=folder)
    heard = observer.listen("/segmentation/labels")
    message = image_to_msg(image, "rgb8", Header(frame_id="camera"))
    found = observer.publish_until(observer.camera(), message, lambda: heard, "labels of " + name)[0]
    assert np.array_equal(view_image(found.data, HEIGHT, WIDTH, "mono8", found.step)[0], expected)
