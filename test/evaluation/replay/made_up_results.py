"""Evaluations as `bisenet replay` writes them, made up."""

import json

import numpy as np

from bisenet_core.labels.metrics import ConfusionMatrix

NAMES = ["road", "car", "sky"]


def matrices(count, right, seed=0, classes=3):
    """Confusion of ``count`` frames of 400 pixels with one truth, of which about ``right`` are right."""
    rng, truth_of = np.random.default_rng([seed, 7]), np.random.default_rng(1)
    result = []
    for _ in range(count):
        truth = truth_of.integers(0, classes, 400).astype(np.uint8)
        labels = np.where(rng.random(400) < right, truth, (truth + 1) % classes).astype(np.uint8)
        result.append(ConfusionMatrix(classes).update(labels, truth).counts)
    return np.array(result)


def write(folder, confusion, bags=("drive",), **changes):
    """An evaluation as `bisenet replay` writes it; ``changes`` are arrays of frames.npz or results."""
    count = len(confusion)
    arrays = {
        "confusion": confusion, "scored": np.ones(count, bool), "driven": np.ones(count, bool),
        "bag": np.zeros(count, np.int32), "index": np.arange(count),
        "stamp_ns": 10**9 + np.arange(count) * 10**8}
    counts = ("boundary", "calibration", "temporal", "teacher", "segment_ms")
    arrays |= {name: changes.pop(name) for name in counts if isinstance(changes.get(name), np.ndarray)}
    results = {
        "schema": 1, "model": folder.name, "classes": NAMES, "latency_ms": {"p50": 35.0, "p99": 50.0},
        "bags": [one if isinstance(one, dict) else {"path": f"/bags/{one}", "name": one} for one in bags],
        "boundary": None, "fps": 28.0}
    for name, value in changes.items():
        (arrays if name in arrays else results)[name] = value
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results))
    np.savez(folder / "frames.npz", **arrays)
    return folder / "results.json"


def frames_of(right, others=0):
    """Confusion of frames of 100 pixels of road, ``right`` of them right, the others of no class, and of
    10 of car, ``others`` right and the others labelled road."""
    return np.array([[[n, 0, 0, 100 - n], [10 - others, others, 0, 0], [0, 0, 0, 0]] for n in right])
