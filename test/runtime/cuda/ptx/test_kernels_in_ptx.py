"""The kernels as the compilers make them: PTX of nvcc and NVRTC, run instruction by instruction."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from ptx_machine import Launch  # noqa: E402
from ptx_memory import Fault, GlobalMemory  # noqa: E402
from test_frame_kernels_postprocess import PALETTE, camera, random_logits  # noqa: E402
from test_frame_kernels_preprocess import TABLES, camera_image, on_cpu  # noqa: E402
from test_kernel_compiler import newest_architecture  # noqa: E402

from bisenet_core.labels.label_space import CITYSCAPES_19, unlabel_unsure  # noqa: E402
from bisenet_core.labels.visualization import overlay  # noqa: E402
from bisenet_core.runtime.cuda import compiler  # noqa: E402
from bisenet_core.runtime.cuda.kernels import FrameKernels  # noqa: E402
from bisenet_core.runtime.cuda.nvrtc import Nvrtc  # noqa: E402
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, HALF_PIXEL, labels_from_logits  # noqa: E402

TX2 = (6, 2)


def by_nvcc(sources, folder):
    nvcc = compiler._find_nvcc()
    if not nvcc:
        pytest.skip("nvcc is not installed")
    for name, text in sources.items():
        (folder / name).write_text(text)
    target = folder / "kernels.ptx"
    architecture = "sm_{}{}".format(*newest_architecture(nvcc))
    compiler._run([nvcc, "-ptx", "-arch=" + architecture, *compiler._OPTIONS, "-o", str(target),
                   str(folder / "kernels.cu")])  # fmt: skip
    return target.read_text()


def by_nvrtc(sources, folder):
    nvrtc = Nvrtc.find("/nowhere")
    if not nvrtc:
        pytest.skip("libnvrtc is not installed (pip install nvidia-cuda-nvrtc-cu11, which knows sm_62)")
    headers = {name: text for name, text in sources.items() if name != "kernels.cu"}
    capability = TX2 if nvrtc.identity < "NVRTC 13" else (9, 0)
    return nvrtc.compile(sources["kernels.cu"], headers, capability, compiler._OPTIONS,
                         form="PTX").rstrip(b"\0").decode()  # fmt: skip


@pytest.fixture(scope="module", params=[by_nvrtc, by_nvcc], ids=["nvrtc", "nvcc"])
def build(request, tmp_path_factory):
    """``build(change)`` gives the PTX of the sources, each passed through ``change``."""
    def ptx_of(change=lambda text: text):
        names = (compiler._SOURCE, *compiler._HEADERS)
        sources = {name: change((compiler._FOLDER / name).read_text()) for name in names}
        return request.param(sources, tmp_path_factory.mktemp("ptx"))
    return ptx_of


@pytest.fixture(scope="module")
def ptx(build):
    return build()


class PtxModule:
    """Like pycuda.driver.Module: its functions run at once, on the addresses of ``memory``."""

    def __init__(self, ptx, memory):
        self.ptx, self.memory, self.launches = ptx, memory, []

    def get_function(self, name):
        return PtxFunction(self, name)


class PtxFunction:
    def __init__(self, module, name):
        self.module, self.name = module, name

    def prepare(self, types):
        self.types = types

    def prepared_async_call(self, grid, block, stream, *arguments, shared_size=0):
        launch = Launch(self.module.ptx, self.name, self.module.memory, grid, block, arguments, shared_size)
        self.module.launches.append(launch.run())


# classes, grid of logits, the network's input, output, kind of logits, alignment of the outputs, upsampling
SCENES = [(19, (4, 33), (264, 32), (263, 61), "regions", 1, HALF_PIXEL),
          (3, (1, 1), (7, 5), (13, 29), "ties", 0, HALF_PIXEL),
          (40, (3, 20), (157, 23), (90, 11), "noise", 3, ALIGN_CORNERS)]


def launch_postprocess(ptx, scene, dtype, drawn):
    classes, (rows, columns), network, (width, height), kind, shift, upsampling = scene
    memory = GlobalMemory()
    logits = random_logits(classes, rows, columns, 1, kind).astype(dtype)
    image, rgb = camera((width, height), "bgra")
    places = {"labels": memory.take(width * height, shift), "status": memory.put(np.zeros(1, np.int32))}
    if drawn:
        places.update(
            confidence=memory.take(width * height, shift), masks=memory.take(2 * width * height, shift),
            mask_ids=memory.put(np.array([2, 0], np.uint8)), overlay=memory.take(3 * width * height, shift),
            source=memory.put(image), palette=memory.put(PALETTE))
        places.update(mask_count=2, step=image.strides[0], layout="bgra", alpha=0.4, min_confidence=0.35)
    FrameKernels(PtxModule(ptx, memory)).postprocess(
        None, memory.put(logits), dtype == np.float16, classes, columns, rows, *network, width, height,
        upsampling=upsampling, **places)
    expected = labels_from_logits(logits.astype(np.float32), network, (width, height), True, upsampling)
    return memory, places, expected, rgb


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene[4])
def test_labels_alone(ptx, scene, dtype):
    memory, places, (labels, _), _ = launch_postprocess(ptx, scene, dtype, drawn=False)
    found, is_written_once = memory.read(places["labels"], labels.shape)
    assert (found == labels).all() and is_written_once
    assert memory.read(places["status"], 1, np.int32)[0] == 0


def test_cells_of_one_class_cost_two_warp_instructions_a_pixel(ptx):
    """1.9 by NVRTC 11.8 for sm_62, 1.8 by nvcc 13.0 for sm_90: what most of a street's cells cost."""
    memory, logits = GlobalMemory(), np.random.RandomState(0).standard_normal((1, 19, 8, 32))
    logits[0, 5] += 20
    module = PtxModule(ptx, memory)
    scores, labels = memory.put(logits.astype(np.float16)), memory.take(512 * 128)
    FrameKernels(module).postprocess(None, scores, True, 19, 32, 8, 256, 64, 512, 128, labels)
    assert module.launches[0].warp_instructions < 2.1 * 512 * 128


@pytest.mark.parametrize("bits", [0xffffffff, 0x7fffffff, 0xff800000], ids=["-nan", "nan", "-inf"])
@pytest.mark.parametrize("classes", [3, 19])
def test_logits_that_are_not_finite_are_told_and_nothing_else_is_read(ptx, bits, classes):
    memory, logits = GlobalMemory(), np.full((1, classes, 4, 20), bits, np.uint32)
    status, labels = memory.put(np.zeros(1, np.int32)), memory.take(160 * 32)
    FrameKernels(PtxModule(ptx, memory)).postprocess(
        None, memory.put(logits), False, classes, 20, 4, 160, 32, 160, 32, labels, status=status)  # fmt: skip
    assert memory.read(status, 1, np.int32)[0][0] == 1


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene[4])
def test_all_that_can_be_drawn(ptx, scene):
    memory, places, (labels, confidence), rgb = launch_postprocess(ptx, scene, np.float16, drawn=True)
    height, width = labels.shape
    found, is_written_once = memory.read(places["confidence"], labels.shape)
    assert is_written_once and np.abs(found.astype(int) - confidence).max() <= 1
    shown = unlabel_unsure(labels, found, 0.35)
    masks, is_written_once = memory.read(places["masks"], (2, height, width))
    assert is_written_once and (masks == 255 * (shown == np.array([2, 0])[:, None, None])).all()
    picture, is_written_once = memory.read(places["overlay"], (height, width, 3))
    assert is_written_once and (picture == overlay(rgb, shown, CITYSCAPES_19, 0.4)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("layout, size, network", [
    ("rgb", (161, 97), (70, 45)), ("bgra", (64, 64), (32, 32)), ("mono", (31, 17), (64, 40)),
    ("uyvy", (50, 33), (96, 64))])  # fmt: skip
def test_preprocessing(ptx, layout, size, network, dtype):
    memory, image = GlobalMemory(), camera_image(*size, layout)
    image = np.ascontiguousarray(image)
    target = memory.take(3 * network[0] * network[1] * np.dtype(dtype).itemsize)
    FrameKernels(PtxModule(ptx, memory)).preprocess(
        None, memory.put(image), *size, image.strides[0], layout, target, *network, dtype == np.float16,
        memory.put(TABLES), "bgr")
    found, is_written_once = memory.read(target, (1, 3, *network[::-1]), dtype)
    assert is_written_once and (found == on_cpu(image, layout, network, "bgr").astype(dtype)).all()


SOURCE = (compiler._FOLDER / "kernels.cu").read_text()
BARRIERS = [found.start() for found in re.finditer(r"__syncthreads\(\);", SOURCE)]


@pytest.mark.parametrize("place", BARRIERS, ids=lambda place: "line{}".format(SOURCE[:place].count("\n") + 1))
def test_without_a_barrier_there_is_a_race(build, place):
    """Though the results may stay right, which is why a test of results alone does not see it."""
    def leave_out(text):
        return text[:place] + text[place:].replace("__syncthreads();", "", 1) if text == SOURCE else text

    mutant = build(leave_out)
    with pytest.raises(Fault, match="race|uninitialised"):
        for scene in SCENES:
            launch_postprocess(mutant, scene, np.float16, drawn=True)
        test_preprocessing(mutant, "rgb", (161, 97), (70, 45), np.float32)


@pytest.mark.parametrize("change, fault", [
    (("clamped(low + 1, length - 1)", "low + 1 + 4096"), "out of bounds|uninitialised"),
    (("normalised[i] = tables[i];", "if (i % 2) normalised[i] = tables[i];"), "uninitialised")])  # fmt: skip
def test_other_faults_are_found(build, change, fault):
    mutant = build(lambda text: text.replace(*change))
    with pytest.raises(Fault, match=fault):
        test_preprocessing(mutant, "rgb", (161, 97), (70, 45), np.float32)


def test_a_misaligned_store_is_found(build):
    mutant = build(lambda text: text.replace("((size_t)place & 3) == 0", "true"))
    with pytest.raises(Fault, match="misaligned: st.global"):
        launch_postprocess(mutant, SCENES[0], np.float16, drawn=False)
