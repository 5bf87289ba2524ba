"""results.json and rows of frames.csv as an evaluation writes them, made up."""

import numpy as np
import pytest

from bisenet_core.labels.label_space import CAMVID_11

_START = 1_700_000_000_000_000_000


def _row(bag, name, index, rate, truth):
    value = 0.5 + 0.3 * np.sin(1.7 * index + bag)
    return {
        "bag": name, "index": index, "recorded_ns": _START + bag * 10**12 + round(index * 1e9 / rate),
        "stamp_ns": index, "width": 96, "height": 64, "problem": "", "decode_ms": 1.0, "preprocess_ms": 0.5,
        "network_ms": 20.0, "postprocess_ms": 2.0, "segment_ms": 23.0 + index % 5, "age_ms": 25.0,
        "driven": "superseded" if index % 10 == 7 else "labelled", "scored_pixels": 6144 if truth else None,
        "pixel_accuracy": value if truth else None, "miou": value - 0.1 if truth else None,
        "boundary_f": 0.4 if truth else None, "consistency": 0.9 + 0.05 * np.cos(index) if index else None,
        "teacher_agreement": None,
    }


def _results(frames, rate, bags, truth):
    classes = CAMVID_11.classes
    share = {name: 0.05 * place for place, name in enumerate(classes)}
    confusion = np.pad(np.diag(np.arange(11) * 100) + 7, ((0, 0), (0, 1)))
    low = np.arange(10) / 10
    spread = {"p50": 25.0, "p90": 26.0, "p99": 27.0, "max": 27.0, "mean": 25.0}
    return {
        "schema": 1, "model": "tiny", "model_sha256": "0" * 64, "label_space": "CamVid-11",
        "classes": list(classes), "palette": [list(colour) for colour in CAMVID_11.palette],
        "backend": "openvino", "precision": "fp32", "device": "a CPU", "input_size": "96x64",
        "versions": {"numpy": "2"}, "command": ["bisenet", "replay", "my drive"],
        "created": "2025-11-21T12:00:00+00:00",
        "bags": [{"path": f"drives/{name}", "name": name, "topic": "/image", "frames": frames,
                  "evaluated": frames, "scored": frames if truth else 0, "duration_s": frames / rate,
                  "rate_hz": rate, "truth": "topic /labels" if truth else None, "notes": []}
                 for name in bags],
        "frames": frames * len(bags), "scored": frames * len(bags) if truth else 0,
        "miou": 0.7312 if truth else None, "iou": share if truth else None,
        "pixel_accuracy": 0.9 if truth else None, "confusion_matrix": confusion.tolist() if truth else None,
        "boundary": {"tolerance_px": 2, "f_score": 0.6, "by_class": share} if truth else None,
        "calibration": {"ece": 0.04, "bins": [
            {"low": a, "high": a + 0.1, "confidence": a + 0.05 if a else None, "accuracy": a if a else None,
             "pixels": int(1000 * a)} for a in low.tolist()]} if truth else None,
        "temporal": {"consistency": 0.93, "flicker": share, "pairs": frames - 1}, "teacher": None,
        "latency_ms": spread, "stages_ms": {"network": spread, "segment": spread}, "fps": 40.0,
        "as_driven": {"labelled": frames - 3, "superseded": 3, "scored": frames - 3, "share_labelled": 0.97,
                      "age_ms": {"p50": 30.0, "p99": 60.0, "max": 61.0},
                      "miou": 0.7201 if truth else None, "pixel_accuracy": 0.89 if truth else None},
        "left_out": [],
    }


@pytest.fixture
def evaluation():
    """``evaluation(frames, rate, bags, truth)``: results and rows, both free to be changed."""

    def make(frames=40, rate=10.0, bags=("drive",), truth=True):
        rows = [_row(bag, name, index, rate, truth)
                for bag, name in enumerate(bags) for index in range(frames)]
        return _results(frames, rate, bags, truth), rows

    return make


@pytest.fixture
def look():
    """``look(truth)``: a caller's function that shows any frame: 64x96, two halves, a quarter wrong."""

    def make(truth=True):
        def show(bag, index):
            image = np.full((64, 96, 3), 40 + index % 200, np.uint8)
            labels = np.where(np.arange(96) < 48, 0, 3)[None].repeat(64, 0).astype(np.uint8)
            right = labels.copy()
            right[:, 24:48], right[:8] = 1, 255
            return image, right if truth else None, labels

        return show

    return make
