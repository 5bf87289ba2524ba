"""The published checkpoints that can be fetched: address, size and score as their publishers give them.

Links and figures of mmsegmentation are those of its metafile.yaml (release 1.2.2), CoinCheung's those of the
README of https://github.com/CoinCheung/BiSeNet, EfficientViT's those of its authors. Every mIoU is for one
scale, without flipping.
Needs neither torch nor onnx.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from bisenet_core.errors import InputError, suggest
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.model_search import weights_search_path

_MMSEG = "https://download.openmmlab.com/mmsegmentation/v0.5"
_EFFICIENTVIT = "https://huggingface.co/han-cai/efficientvit-seg/resolve/main"
_COINCHEUNG = "https://github.com/CoinCheung/BiSeNet/releases/download/0.0.0"

#: Format -> who publishes it, and the licence of their code.
PUBLISHERS = {
    "mmseg": "mmsegmentation (Apache-2.0)",
    "coincheung": "CoinCheung/BiSeNet (MIT)",
    "stdc-seg": "STDC-Seg (MIT)",
    "efficientvit": "mit-han-lab/efficientvit (Apache-2.0)",
}


@dataclass(frozen=True)
class Published:
    """One checkpoint. ``miou`` is in per cent, as its publisher reports it for images of ``evaluated_at``."""

    dataset: str
    architecture: str
    variant: str
    format: str
    url: str
    miou: float
    evaluated_at: str
    note: str = ""

    @property
    def name(self) -> str:
        """What the user calls it, such as cityscapes-bisenetv2-ohem."""
        return "-".join(filter(None, (self.dataset, self.architecture.replace("_", "-"), self.variant)))

    @property
    def folder(self) -> str:
        """Name of the model folder it becomes."""
        return self.name.replace("-", "_")

    @property
    def file(self) -> str:
        """Name of the published file."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def sha256_prefix(self) -> str:
        """The first digits of the file's SHA-256, where its name ends in them; otherwise nothing."""
        match = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        return match.group(1) if match else ""

    @property
    def publisher(self) -> str:
        """Who trained it and the licence of their code; for the weights the data's terms hold as well."""
        return PUBLISHERS[self.format]


def _mmseg(
    dataset: str, architecture: str, variant: str, miou: float, note: str, run: str, stamp: str
) -> Published:
    family = "stdc" if run.startswith("stdc") else run.partition("_")[0]
    url = f"{_MMSEG}/{family}/{run}/{run}_{stamp}.pth"
    size = {"cityscapes": "2048x1024", "cocostuff": "short side 512"}[dataset]
    return Published(dataset, architecture, variant, "mmseg", url, miou, size, note)


def _coincheung(
    dataset: str, architecture: str, variant: str, miou: float, size: str, file: str
) -> Published:
    return Published(dataset, architecture, variant, "coincheung", f"{_COINCHEUNG}/{file}", miou, size)


def _efficientvit(variant: str, miou: float) -> Published:
    url = f"{_EFFICIENTVIT}/efficientvit_seg_{variant}_cityscapes.pt"
    return Published("cityscapes", f"efficientvit_{variant}", "", "efficientvit", url, miou, "2048x1024")


_FROM_SCRATCH = "not pre-trained on ImageNet"

# fmt: off
CATALOGUE = (
    _mmseg("cityscapes", "bisenetv2", "", 75.76, "batches of 32",
           "bisenetv2_fcn_4x8_1024x1024_160k_cityscapes", "20210903_000032-e1a2eed6"),
    _mmseg("cityscapes", "bisenetv2", "4x4", 73.21, "",
           "bisenetv2_fcn_4x4_1024x1024_160k_cityscapes", "20210902_015551-bcf10f09"),
    _mmseg("cityscapes", "bisenetv2", "ohem", 73.57, "hard example mining",
           "bisenetv2_fcn_ohem_4x4_1024x1024_160k_cityscapes", "20210902_112947-5f8103b4"),
    _mmseg("cityscapes", "bisenetv2", "fp16", 73.07, "trained in FP16",
           "bisenetv2_fcn_fp16_4x4_1024x1024_160k_cityscapes", "20210902_045942-b979777b"),
    _coincheung("cityscapes", "bisenetv2", "coincheung", 74.95, "2048x1024",
                "model_final_v2_city.pth"),
    _mmseg("cityscapes", "bisenetv1_resnet18", "", 75.16, "batches of 32",
           "bisenetv1_r18-d32_in1k-pre_4x8_1024x1024_160k_cityscapes", "20210905_220322-bb8db75f"),
    _mmseg("cityscapes", "bisenetv1_resnet18", "4x4", 74.37, "",
           "bisenetv1_r18-d32_in1k-pre_4x4_1024x1024_160k_cityscapes", "20210905_220251-8ba80eff"),
    _mmseg("cityscapes", "bisenetv1_resnet18", "scratch", 74.44, _FROM_SCRATCH,
           "bisenetv1_r18-d32_4x4_1024x1024_160k_cityscapes", "20210922_172239-c55e78e2"),
    _coincheung("cityscapes", "bisenetv1_resnet18", "coincheung", 75.44, "2048x1024",
                "model_final_v1_city_new.pth"),
    _mmseg("cityscapes", "bisenetv1_resnet50", "", 77.68, "",
           "bisenetv1_r50-d32_in1k-pre_4x4_1024x1024_160k_cityscapes", "20210917_234628-8b304447"),
    _mmseg("cityscapes", "bisenetv1_resnet50", "scratch", 76.92, _FROM_SCRATCH,
           "bisenetv1_r50-d32_4x4_1024x1024_160k_cityscapes", "20210923_222639-7b28a2a6"),
    _mmseg("cityscapes", "stdc1_seg", "", 74.94, "",
           "stdc1_in1k-pre_512x1024_80k_cityscapes", "20220224_141648-3d4c2981"),
    _mmseg("cityscapes", "stdc1_seg", "scratch", 71.82, _FROM_SCRATCH,
           "stdc1_512x1024_80k_cityscapes", "20220224_073048-74e6920a"),
    _mmseg("cityscapes", "stdc2_seg", "", 76.67, "",
           "stdc2_in1k-pre_512x1024_80k_cityscapes", "20220224_073048-1f8f0f6c"),
    _mmseg("cityscapes", "stdc2_seg", "scratch", 73.15, _FROM_SCRATCH,
           "stdc2_512x1024_80k_cityscapes", "20220222_132015-fb1e3a1a"),
    _efficientvit("b0", 75.653),
    _efficientvit("b1", 80.547),
    _coincheung("cocostuff", "bisenetv2", "", 30.49, "the images' own",
                "model_final_v2_coco.pth"),
    _mmseg("cocostuff", "bisenetv1_resnet18", "", 28.55, "",
           "bisenetv1_r18-d32_in1k-pre_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211023_013100-f700dbf7"),
    _mmseg("cocostuff", "bisenetv1_resnet18", "scratch", 25.45, _FROM_SCRATCH,
           "bisenetv1_r18-d32_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211022_054328-046aa2f2"),
    _coincheung("cocostuff", "bisenetv1_resnet18", "coincheung", 31.49, "the images' own",
                "model_final_v1_coco_new.pth"),
    _mmseg("cocostuff", "bisenetv1_resnet50", "", 34.88, "",
           "bisenetv1_r50-d32_in1k-pre_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211101_181932-66747911"),
    _mmseg("cocostuff", "bisenetv1_resnet50", "scratch", 29.82, _FROM_SCRATCH,
           "bisenetv1_r50-d32_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211101_040616-d2bb0df4"),
    _mmseg("cocostuff", "bisenetv1_resnet101", "", 37.38, "",
           "bisenetv1_r101-d32_in1k-pre_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211101_225220-28c8f092"),
    _mmseg("cocostuff", "bisenetv1_resnet101", "scratch", 31.14, _FROM_SCRATCH,
           "bisenetv1_r101-d32_lr5e-3_4x4_512x512_160k_coco-stuff164k", "20211102_164147-c6b32c3b"),
    _coincheung("ade20k", "bisenetv2", "", 32.53, "short side 640",
                "model_final_v2_ade20k.pth"),
    _coincheung("ade20k", "bisenetv1_resnet18", "", 36.15, "short side 512",
                "model_final_v1_ade20k.pth"),
)
# fmt: on


def find_published(name: str) -> Published:
    """The checkpoint called ``name``. ``InputError`` suggests the nearest."""
    known = {entry.name: entry for entry in CATALOGUE}
    if name not in known:
        hint = suggest(name, known, otherwise="`bisenet weights list` shows those there are")
        raise InputError(f"no published checkpoint is called {name!r}; {hint}")
    return known[name]


def recognise(sha256: str) -> Published | None:
    """The checkpoint whose file has this SHA-256, as far as its publisher gives it."""
    known = [entry for entry in CATALOGUE if entry.sha256_prefix and sha256.startswith(entry.sha256_prefix)]
    return known[0] if known else None


def cache_folder() -> Path:
    """Where fetched models are kept and looked for last: ~/.cache/bisenet/weights."""
    return weights_search_path()[-1]


def is_installed(published: Published) -> bool:
    """Whether its model folder is in the user's cache, whole."""
    try:
        ModelCard.load(cache_folder() / published.folder)
    except InputError:
        return False
    return True
