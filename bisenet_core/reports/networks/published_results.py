"""What the papers report of the networks on Cityscapes and CamVid.

All are single-scale results but that of ResNet-101, whose size and speed are not reported.
"""

from bisenet_core.reports.networks.result import Result

TITAN_XP, GTX_1080_TI = "Titan Xp", "GTX 1080 Ti"
CITYSCAPES, CAMVID = "cityscapes", "camvid"

# Names of papers and their tables. STDC's repeat what V1's and V2's say; where both give a figure they agree.
_V1 = "BiSeNet (ECCV 2018), Table 6; val: STDC, Table 6"
_V1_ACCURACY = "BiSeNet (ECCV 2018), Table 7"
_V1_CAMVID = "BiSeNet V2 (arXiv:2004.02147), Table 8"
_V2 = "BiSeNet V2 (arXiv:2004.02147), Table 7"
_V2_CAMVID = "BiSeNet V2 (arXiv:2004.02147), Table 8"
_STDC = "STDC (CVPR 2021), Table 6"
_STDC_CAMVID = "STDC (CVPR 2021), Table 7"

_HALF, _THREE_QUARTERS = (1024, 512), (1536, 768)  # of Cityscapes' 2048x1024
_CAMVID = (960, 720)

_X39, _R18, _R101 = (f"bisenetv1_{backbone}" for backbone in ("xception39", "resnet18", "resnet101"))

#: V2 and STDC ran in TensorRT 5; V2's speed on Cityscapes includes resizing from 2048x1024 and back.
PUBLISHED = (
    Result(_X39, "V1 Xception39", CITYSCAPES, _THREE_QUARTERS, 69.0, 68.4, 105.8, TITAN_XP, _V1),
    Result(_R18, "V1 ResNet18", CITYSCAPES, _THREE_QUARTERS, 74.8, 74.7, 65.5, TITAN_XP, _V1),
    Result(_R101, "V1 ResNet101", CITYSCAPES, None, None, 78.9, None, None, _V1_ACCURACY),
    Result("bisenetv2", "V2", CITYSCAPES, _HALF, 73.4, 72.6, 156.0, GTX_1080_TI, _V2),
    Result("bisenetv2_large", "V2-Large", CITYSCAPES, _HALF, 75.8, 75.3, 47.3, GTX_1080_TI, _V2),
    Result("stdc1_seg", "STDC1-50", CITYSCAPES, _HALF, 72.2, 71.9, 250.4, GTX_1080_TI, _STDC),
    Result("stdc2_seg", "STDC2-50", CITYSCAPES, _HALF, 74.2, 73.4, 188.6, GTX_1080_TI, _STDC),
    Result("stdc1_seg", "STDC1-75", CITYSCAPES, _THREE_QUARTERS, 74.5, 75.3, 126.7, GTX_1080_TI, _STDC),
    Result("stdc2_seg", "STDC2-75", CITYSCAPES, _THREE_QUARTERS, 77.0, 76.8, 97.0, GTX_1080_TI, _STDC),
    # the table with V1's speed on CamVid does not name the card
    Result(_X39, "V1 Xception39", CAMVID, _CAMVID, None, 65.6, 175.0, None, _V1_CAMVID),
    Result(_R18, "V1 ResNet18", CAMVID, _CAMVID, None, 68.7, 116.25, None, _V1_CAMVID),
    Result("bisenetv2", "V2", CAMVID, _CAMVID, None, 72.4, 124.5, GTX_1080_TI, _V2_CAMVID),
    Result("bisenetv2", "V2", CAMVID, _CAMVID, None, 76.7, 124.5, GTX_1080_TI, _V2_CAMVID, CITYSCAPES),
    Result("bisenetv2_large", "V2-Large", CAMVID, _CAMVID, None, 73.2, 32.7, GTX_1080_TI, _V2_CAMVID),
    Result(
        "bisenetv2_large", "V2-Large", CAMVID, _CAMVID, None, 78.5, 32.7, GTX_1080_TI, _V2_CAMVID, CITYSCAPES
    ),
    Result("stdc1_seg", "STDC1", CAMVID, _CAMVID, None, 73.0, 197.6, GTX_1080_TI, _STDC_CAMVID),
    Result("stdc2_seg", "STDC2", CAMVID, _CAMVID, None, 73.9, 152.2, GTX_1080_TI, _STDC_CAMVID),
)
