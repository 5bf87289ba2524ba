"""A small dataset on disk, drawn by the project's own renderer."""

import cv2
import pytest

pytest.importorskip("torch", reason="training needs PyTorch (pip install .[train])")
pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric (pip install .[train])")

import torch

# networks this small gain nothing by more, and two runs have the same bits
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def street_dataset(tmp_path_factory):
    """ROOT/{train,val}/{images,labels} in CamVid's layout: 6 and 2 rendered frames at 96x64."""
    from bisenet_core.drives.rendering import RenderedDrive

    root = tmp_path_factory.mktemp("streets")
    for split, count, seed in (("train", 6, 1), ("val", 2, 2)):
        drive = RenderedDrive(width=96, height=64, seed=seed, frames=count)
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
        for index in range(count):
            image, labels = drive[index]
            labels = labels.copy()
            labels[labels == 255] = 11  # CamVid's own number for unlabelled
            cv2.imwrite(str(root / split / "images" / f"{index:03}.png"), image[..., ::-1])
            cv2.imwrite(str(root / split / "labels" / f"{index:03}.png"), labels)
    return root
