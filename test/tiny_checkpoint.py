"""A checkpoint as `bisenet train` leaves it, of a small network that has learnt nothing."""

import torch

from bisenet_core.learning.checkpoint import network_state
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_task import SegmentationTask


def write_tiny_checkpoint(folder, **changes):
    """FOLDER/best.ckpt: BiSeNetV2 of a quarter of the width, CamVid-11, input 96x64; returns its path."""
    recipe = Recipe.from_dict({"name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25},
                               "input_width": 96, "input_height": 64, **changes})
    torch.manual_seed(0)
    network = SegmentationTask(recipe).network
    network.train()(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
    path = folder / "best.ckpt"
    torch.save({"state_dict": network_state(network), "hyper_parameters": {"recipe": recipe.to_dict()},
                "epoch": 0, "global_step": 1}, path)
    return path
