"""`bisenet`: real commands on real files; bad input is one line on stderr and status 2."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")

from bisenet_core.cli import COMMANDS, load_command, main
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.segmenter import Segmenter


@pytest.fixture
def gpu(monkeypatch):
    """TensorRT that seems to work."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "runtime"))
    import stand_in_gpu

    stand_in_gpu.install(monkeypatch.setattr, monkeypatch.setitem)


@pytest.fixture
def dataset(tmp_path):
    """ROOT/test/images and labels of four random images and random truth."""
    rng = np.random.default_rng(0)
    for folder in ("images", "labels"):
        (tmp_path / "root" / "test" / folder).mkdir(parents=True)
    for index in range(4):
        image = rng.integers(0, 256, (60, 80, 3), np.uint8)
        truth = rng.integers(0, 12, (60, 80), np.uint8)
        cv2.imwrite(str(tmp_path / f"root/test/images/frame_{index}.png"), image)
        cv2.imwrite(str(tmp_path / f"root/test/labels/frame_{index}.png"), truth)
    return tmp_path / "root"


def refused(capfd, arguments, *words, status=2):
    """The command fails with ``status`` and one line on stderr that holds ``words``."""
    assert main([str(a) for a in arguments]) == status
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert str(word) in lines[0]


def test_segment_writes_through_no_link(dataset, tiny_model_folder, tmp_path, capsys):
    (tmp_path / "out" / "labels").mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    planted = tmp_path / "out" / "labels" / "frame_0.png"
    planted.symlink_to(tmp_path / "mine")
    (planted.parent / ".frame_1.png.part").symlink_to(tmp_path / "mine")
    arguments = ["--model", str(tiny_model_folder), "--output", str(tmp_path / "out")]
    assert main(["segment", str(dataset / "test" / "images"), *arguments]) == 0
    assert (tmp_path / "mine").read_text() == "mine" and not planted.is_symlink()


def test_segment_writes_ids_and_overlays(dataset, tiny_model_folder, tmp_path, capsys):
    output, report = tmp_path / "out", tmp_path / "report.json"
    images = dataset / "test" / "images"
    status = main(
        [
            "segment",
            str(images),
            "--model",
            str(tiny_model_folder),
            "--output",
            str(output),
            "--json",
            str(report),
        ]
    )
    assert status == 0
    result = json.loads(report.read_text())
    assert result["frames"] == 4 and result["fps"] > 0
    assert "fps" in capsys.readouterr().out
    labels = cv2.imread(str(output / "labels" / "frame_2.png"), cv2.IMREAD_UNCHANGED)
    image = cv2.imread(str(images / "frame_2.png"))
    with Segmenter.open(str(tiny_model_folder)) as segmenter:
        expected = segmenter.segment(image, color_order="bgr").labels
    np.testing.assert_array_equal(labels, expected)
    assert cv2.imread(str(output / "overlays" / "frame_2.jpg")).shape == image.shape


def test_paths_are_shown_as_they_are(dataset, tiny_model_folder, tmp_path, monkeypatch, capsys):
    """Brackets are markup to rich: a closing one that closes nothing raised an error after all the work."""
    monkeypatch.chdir(tmp_path)
    image, output = dataset / "test" / "images" / "frame_1.png", "[/b] [red] :car:"
    assert main(["segment", str(image), "--model", str(tiny_model_folder), "--output", output]) == 0
    assert f"{output}/labels" in capsys.readouterr().out


def test_segment_takes_pixels_as_they_are_stored_and_says_so_once(
    dataset, tiny_model_folder, tmp_path, caplog
):
    image = pytest.importorskip("PIL.Image")
    images, output, report = dataset / "test" / "images", tmp_path / "out", tmp_path / "report.json"
    common = ["--model", str(tiny_model_folder), "--json", str(report)]
    assert main(["segment", str(images), *common, "--output", str(tmp_path / "plain")]) == 0
    assert not caplog.messages
    turned = image.Exif()
    turned[0x0112] = 6
    for index in (1, 2):
        path = images / f"frame_{index}.png"
        image.open(path).save(path, exif=turned)
    assert main(["segment", str(images), *common, "--output", str(output)]) == 0
    for path in sorted((output / "labels").iterdir()):
        assert path.read_bytes() == (tmp_path / "plain/labels" / path.name).read_bytes()
    (line,) = caplog.messages
    assert "2 of 4 images have a tag" in line and "mogrify -auto-orient" in line
    assert json.loads(report.read_text())["not_turned"] == 2


def test_segment_never_writes_into_its_input(dataset, tiny_model_folder, capfd):
    before = {p: p.read_bytes() for p in dataset.rglob("*.png")}
    common = ["--model", tiny_model_folder]
    refused(capfd, ["segment", dataset / "test" / "images", *common, "--output", dataset / "test"], "labels")
    single = dataset / "test" / "images" / "frame_1.png"
    refused(capfd, ["segment", single, *common, "--output", dataset / "test"], "labels")
    assert {p: p.read_bytes() for p in dataset.rglob("*.png")} == before


def test_segment_keeps_what_it_wrote_before_a_bad_image(dataset, tiny_model_folder, tmp_path, capfd):
    bad = dataset / "test" / "images" / "frame_2.png"
    bad.write_bytes(bad.read_bytes()[:-100])
    common = ["--model", tiny_model_folder, "--output", tmp_path / "out"]
    refused(capfd, ["segment", bad.parent, *common, "--strict"], bad)
    assert sorted(p.stem for p in (tmp_path / "out" / "labels").iterdir()) == ["frame_0", "frame_1"]


def test_segment_names_and_counts_what_it_cannot_read_and_goes_on(
    dataset, tiny_model_folder, tmp_path, caplog, capfd
):
    images, report = dataset / "test" / "images", tmp_path / "report.json"
    bad = [images / "frame_1.png", images / "frame_2.png", images / "link.png"]
    bad[2].symlink_to(tmp_path / "nowhere.png")
    bad[0].write_bytes(bad[0].read_bytes()[:-100])
    bad[1].write_bytes(b"")
    common = ["--model", tiny_model_folder, "--output", tmp_path / "out", "--json", report]
    command = ["segment", images, *common]
    assert main([str(word) for word in command]) == 0
    assert sorted(p.stem for p in (tmp_path / "out" / "labels").iterdir()) == ["frame_0", "frame_3"]
    result = json.loads(report.read_text())
    assert result["frames"] == 2 and len(result["left_out"]) == 3
    for path, line, message in zip(bad, result["left_out"], caplog.messages):
        assert str(path) in line and message == f"left out: {line}"
    for index in (0, 3):
        (images / f"frame_{index}.png").write_bytes(b"no image")
    capfd.readouterr()
    assert main([str(word) for word in command]) == 2
    assert "none of its 5 images can be read" in capfd.readouterr().err.splitlines()[-1]
    assert len(json.loads(report.read_text())["left_out"]) == 5


def test_evaluate_scores_every_class(dataset, tiny_model_folder, tmp_path, capsys):
    report = tmp_path / "scores.json"
    status = main(
        [
            "evaluate",
            "--model",
            str(tiny_model_folder),
            "--dataset",
            "camvid",
            "--root",
            str(dataset),
            "--split",
            "test",
            "--precision",
            "fp32",
            "--json",
            str(report),
        ]
    )
    assert status == 0
    result = json.loads(report.read_text())
    assert result["images"] == 4 and result["precision"] == "fp32"
    assert list(result["iou"]) == list(CAMVID_11.classes)
    assert 0 <= result["miou"] <= 1 and 0 <= result["pixel_accuracy"] <= 1
    assert "Pedestrian" in capsys.readouterr().out


def test_evaluate_records_the_scores_in_the_card(dataset, tiny_model_folder, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(tiny_model_folder, model)
    options = ["--root", str(dataset), "--precision", "fp32", "--record"]
    assert main(["evaluate", "--model", str(model), *options]) == 0
    before, after = ModelCard.load(tiny_model_folder), ModelCard.load(model)
    assert after.metrics["camvid_test_fp32"]["images"] == 4
    assert {**after.metrics, **before.metrics} == after.metrics and after.onnx_sha256 == before.onnx_sha256


def test_agreement_of_two_backends(dataset, tiny_model_folder, tmp_path, capfd):
    pytest.importorskip("onnxruntime", reason="the reference backend")
    report, images = tmp_path / "agreement.json", dataset / "test" / "images"
    command = ["agreement", str(images), "--model", str(tiny_model_folder)]
    assert main([*command, "--json", str(report)]) == 0
    result = json.loads(report.read_text())
    assert result["images"] == 4 and result["pixels"] == 4 * 60 * 80
    assert result["equal"] > 0.99 and result["widest_tie"] < 1e-3 and result["logit_difference"] < 1e-3
    capfd.readouterr()
    refused(capfd, [*command, "--first", "openvino"], "BACKEND:PRECISION")


def test_evaluate_names_the_truth_that_does_not_fit(dataset, tiny_model_folder, capfd):
    path = dataset / "test" / "labels" / "frame_3.png"
    cv2.imwrite(str(path), np.full((60, 80), 30, np.uint8))
    refused(capfd, ["evaluate", "--model", tiny_model_folder, "--root", dataset], path, "30")


def test_evaluate_refuses_a_missing_split_and_an_unknown_data_set(dataset, tiny_model_folder, capfd):
    common = ["evaluate", "--model", tiny_model_folder, "--root", dataset]
    refused(capfd, [*common, "--split", "val"], dataset, "val")
    refused(capfd, [*common, "--dataset", "mapillary"], "mapillary", "camvid")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_benchmark_measures_network_and_segmenter(tiny_model_folder, tmp_path, backend):
    pytest.importorskip(backend)
    report = tmp_path / "benchmark.json"
    status = main(
        [
            "benchmark",
            "--model",
            str(tiny_model_folder),
            "--backend",
            backend,
            "--precision",
            "fp32",
            "--size",
            "96x64",
            "--camera",
            "192x128",
            "--frames",
            "6",
            "--json",
            str(report),
        ]
    )
    assert status == 0
    result = json.loads(report.read_text())
    for key in ("network_ms", "segment_ms"):
        assert 0 < result[key]["p50"] <= result[key]["p99"]
    assert result["ratio"] == pytest.approx(
        result["segment_ms"]["p50"] / result["network_ms"]["p50"], rel=0.01
    )
    assert (result["size"], result["camera"], result["frames"]) == ("96x64", "192x128", 6)
    assert result["device"] and backend in result["versions"] and result["fps"] > 0


def test_a_gpu_is_known_by_name_and_by_precision(gpu, dataset, tiny_model_folder, tmp_path):
    report, common = tmp_path / "report.json", ["--model", tiny_model_folder, "--precision", "fp16"]
    for command in (
        ["benchmark", "--frames", 2],
        ["evaluate", "--root", dataset, "--backend", "tensorrt"],
    ):
        assert main([str(a) for a in [*command, *common, "--json", report]]) == 0
        result = json.loads(report.read_text())
        assert (result["backend"], result["precision"]) == ("tensorrt", "fp16")
    images = dataset / "test" / "images"
    assert main(["segment", str(images), *map(str, common), "--output", str(tmp_path / "out")]) == 0


def test_a_gpu_that_is_not_there_is_said_in_one_line(tiny_model_folder, monkeypatch, capfd):
    monkeypatch.setattr("bisenet_core.runtime.candidates.DRIVER", "libno_such_driver.so")
    command = ["benchmark", "--model", tiny_model_folder]
    refused(capfd, [*command, "--backend", "tensorrt"], "there is no NVIDIA driver here: libno_such_driver")
    words = "no backend can be had here", "no NVIDIA driver", "another precision"
    refused(capfd, [*command, "--precision", "fp16"], *words)


@pytest.mark.parametrize("size", ["1024", "0x64", "00x64", "96 x 64", "-1x5", "64x30000", "9" * 5000 + "x64"])
def test_benchmark_refuses_what_is_no_size(tiny_model_folder, capfd, size):
    refused(capfd, ["benchmark", "--model", tiny_model_folder, f"--size={size}"], "WIDTHxHEIGHT")


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["segment", "nowhere", "--model", "MODEL", "--output", "out"], "nowhere"),
        (["segment", ".", "--model", "no_such_model", "--output", "out"], ""),
        (["segment", "."], "--model"),
        (["segment", ".", "--model", "m"], "'--output' / '-o'; see"),
        (["segment", "MODEL/model.json", "--model", "m" * 300, "--output", "out"], ""),
        (["segmnet"], "segmnet"),
        (["benchmark", "--model", "MODEL", "--frames", "0"], "--frames"),
        (["benchmark", "--model", "MODEL", "--backend", "magic"], "magic"),
        (["export", "nowhere.ckpt", "--output", "out"], "nowhere.ckpt"),
        (["train", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["train", "--config", "MODEL/model.onnx"], "model.onnx"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tiny_model_folder, tmp_path, monkeypatch, capfd, arguments, word):
    monkeypatch.chdir(tmp_path)
    refused(capfd, [a.replace("MODEL", str(tiny_model_folder)) for a in arguments], word)


def test_training_commands_say_what_to_install(tmp_path):
    """In an interpreter without torch, as on a robot."""
    program = (
        "import sys; sys.modules['torch'] = None; from bisenet_core.cli import main; "
        "sys.exit(main(['export', 'a.ckpt', '--output', 'out']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent.parent, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "bisenet: this command needs torch, which is not installed: pip install 'bisenet_ros[train]', "
        "or in a checkout `make tools`"
    ]


def test_what_libraries_tell_stays_out_of_the_way():
    """Lightning sets its loggers to INFO, and prints what they say itself."""
    program = (
        "import logging; from bisenet_core.cli import main; main(['export', '--help']); "
        "logger = logging.getLogger('lightning_fabric'); logger.setLevel(logging.INFO); "
        "logger.info('chatter'); logger.warning('take care')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent.parent, capture_output=True, text=True
    )
    assert done.stderr.splitlines() == ["bisenet: take care"]


def test_without_arguments_there_is_help_and_no_complaint(capsys):
    assert main([]) == 2
    captured = capsys.readouterr()
    assert "Usage" in captured.out and captured.err == ""


def test_help_of_every_command(capsys):
    for command, (_, first_line) in COMMANDS.items():
        assert main([command, "--help"]) == 0
        assert f"Usage: bisenet {command} " in capsys.readouterr().out
        assert load_command(command).help.split("\n\n")[0] == first_line


def test_help_imports_no_command():
    """Each would bring libraries that take seconds to import."""
    program = (
        "import sys; from bisenet_core.cli import main; main(['--help']); "
        "print(*sorted(name for name in sys.modules if name.startswith('bisenet_core.')), file=sys.stderr); "
        "print('numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines() == ["bisenet_core.cli bisenet_core.errors", "False"]
    assert all(command in done.stdout for command in COMMANDS)


def test_without_its_libraries_it_says_what_to_install():
    code = "import sys; sys.modules['typer'] = None; import bisenet_core.cli"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.splitlines() == [
        "bisenet: the command line needs typer; install it with: pip install typer rich"
    ]
