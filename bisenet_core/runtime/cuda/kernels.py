"""FrameKernels: pre- and post-processing on the device, from 8-bit camera image to 8-bit labels.

Whatever is launched here follows runtime/preprocessing.py and runtime/postprocessing.py to the last bit. Only
the confidence may differ, by one, where the two exponentials round 255 times a probability differently.
Every pointer is a device pointer as an int (0: not wanted); nothing is allocated and nothing is waited for.
"""

from typing import Any, Dict

from bisenet_core.labels.label_space import least_confidence
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, HALF_PIXEL

#: Colour order of a camera image -> its number in pixel_math.h.
LAYOUTS: Dict[str, int] = {"rgb": 0, "bgr": 1, "rgba": 2, "bgra": 3, "mono": 4, "uyvy": 5, "yuyv": 6}

#: Kernel -> types of its arguments, as pycuda.driver.Function.prepare names them.
SIGNATURES = {
    "preprocess": "PiiiiPiiddiiP",
    "label": "PiiiiiiiiiPP",
    "postprocess": "Piiiiiiiii" "PPPf" "PPi" "PPiiPff" "i",
}

# Sizes that kernels.cu and tile.h were written for; they define the same names.
_IMAGE_TILE, _IMAGE_ROWS = 32, 8
_TILE_CELLS, _POST_THREADS = 16, 256
_NODES = 2 * (_TILE_CELLS + 1)


class FrameKernels:
    """The kernels of kernels.cu. ``module`` is a pycuda.driver module loaded from compile_kernels' result."""

    def __init__(self, module: Any) -> None:
        self._preprocess = self._prepared(module, "preprocess")
        self._label = self._prepared(module, "label")
        self._postprocess = self._prepared(module, "postprocess")

    @staticmethod
    def _prepared(module: Any, name: str) -> Any:
        function = module.get_function(name)
        function.prepare(SIGNATURES[name])
        return function

    def preprocess(self, stream: Any, source: int, width: int, height: int, step: int, layout: str,
                   target: int, net_width: int, net_height: int, half: bool, tables: int,
                   network_order: str = "rgb") -> None:
        """Resize, reorder and normalise one camera image in one pass.

        ``source``: height rows of 8-bit pixels in ``layout`` (a key of LAYOUTS), ``step`` bytes apart; the
        width of "uyvy" and "yuyv" is even. ``target``: 1x3xhxw of the network's size, float16 if ``half``
        else float32. ``tables``: 3x256 float32 of normalisation_tables, in the network's channel order,
        which is ``network_order``, "rgb" or "bgr".
        """
        grid = (_blocks(net_width, _IMAGE_TILE), _blocks(net_height, _IMAGE_TILE))
        # The scale as cv2.resize computes it: the inverse of an inverse, which may differ in the last bit.
        self._preprocess.prepared_async_call(
            grid, (_IMAGE_TILE, _IMAGE_ROWS, 1), stream, source, width, height, step, LAYOUTS[layout],
            target, net_width, net_height, 1.0 / (net_width / width), 1.0 / (net_height / height),
            int(network_order == "bgr"), int(half), tables)

    def postprocess(self, stream: Any, logits: int, half: bool, classes: int, grid_width: int,
                    grid_height: int, net_width: int, net_height: int, out_width: int, out_height: int,
                    labels: int, confidence: int = 0, status: int = 0, masks: int = 0, mask_ids: int = 0,
                    mask_count: int = 0, overlay: int = 0, source: int = 0, step: int = 0,
                    layout: str = "rgb", palette: int = 0, alpha: float = 0.5,
                    min_confidence: float = 0.0, upsampling: str = HALF_PIXEL,
                    temperature: float = 1.0) -> None:
        """Labels of the camera's size, and what else is asked for, from the logits in one pass.

        ``logits``: 1xCxhxw of the grid's size, float16 if ``half`` else float32, C from 1 to 255, upsampled
        as ``upsampling`` says, one of postprocessing.UPSAMPLINGS.
        ``labels`` and ``confidence``: HxW uint8 of the output's size; the logits are divided by
        ``temperature`` before the softmax of the confidence. ``status``: int32, set to 1 when a
        logit is not finite and never cleared. ``masks``: KxHxW uint8, 0 or 255, of the K = ``mask_count``
        class ids at ``mask_ids`` (uint8). ``overlay``: HxWx3 uint8 RGB, the ``palette`` (256x3 uint8 RGB)
        blended over the camera image at ``source``, of the output's size, ``step`` and ``layout`` as in
        ``preprocess``. Masks and overlay leave out pixels less certain than ``min_confidence``; labels don't.
        """
        aligned = int(upsampling == ALIGN_CORNERS)
        if not (confidence or masks or overlay):
            self._launch_tiles(self._label, stream, logits, half, classes, grid_width, grid_height, net_width,
                               net_height, aligned, out_width, out_height, labels, status)
            return
        # A confidence that nobody asked for is costly, so only what is drawn may need it.
        lowest = least_confidence(min_confidence) if masks or overlay else 0
        self._launch_tiles(
            self._postprocess, stream, logits, half, classes, grid_width, grid_height, net_width, net_height,
            aligned, out_width, out_height, labels, confidence, status, 1.0 / temperature, masks, mask_ids,
            mask_count, overlay, source, step, LAYOUTS[layout], palette, 1.0 - alpha, alpha, lowest)

    @staticmethod
    def _launch_tiles(kernel: Any, stream: Any, logits: int, half: bool, classes: int, grid_width: int,
                      grid_height: int, *further: Any) -> None:
        # There are cells before the first logit and behind the last, hence one more than logits.
        tiles = (_blocks(grid_width + 1, _TILE_CELLS), grid_height + 1)
        kernel.prepared_async_call(tiles, (_POST_THREADS, 1, 1), stream, logits, int(half), classes,
                                   grid_width, grid_height, *further, shared_size=4 * _NODES * classes)


def _blocks(length: int, tile: int) -> int:
    return -(-length // tile)
