"""The table of published results: every network is in it, and no two columns have been swapped."""

from collections import defaultdict

import pytest

from bisenet_core.reports.networks.published_results import PUBLISHED
from bisenet_core.reports.networks.result import FAMILIES, family_of

#: Segmentation networks of which no paper reports results.
WITHOUT = {"bisenetv1_resnet50"}


def test_every_segmentation_network_has_a_result():
    pytest.importorskip("torch", reason="the list of networks needs PyTorch")
    from bisenet_core.models.registry import is_segmentation, list_models

    networks = {name for name in list_models() if is_segmentation(name)}
    assert {result.network for result in PUBLISHED} == networks - WITHOUT
    assert {family_of(name) for name in networks} == set(FAMILIES)


@pytest.mark.parametrize("result", PUBLISHED, ids=lambda result: f"{result.label}-{result.dataset}")
def test_figures_are_complete_and_plausible(result):
    assert result.test is not None and 60 < result.test < 80 and result.source
    assert result.val is None or abs(result.val - result.test) < 2
    assert result.fps is None or (result.size and 30 < result.fps < 300)
    assert result.num_classes == {"cityscapes": 19, "camvid": 11}[result.dataset]


def test_no_network_of_a_paper_is_both_slower_and_worse():
    """Each paper trades speed for accuracy; a row with figures of its neighbour would break the order."""
    groups = defaultdict(list)
    for result in PUBLISHED:
        if result.fps:
            key = (result.dataset, family_of(result.network), result.pretrained_on)
            groups[key].append((result.fps, result.test))
    assert len(groups) == 7
    for group in groups.values():
        accuracies = [test for _, test in sorted(group)]
        assert accuracies == sorted(accuracies, reverse=True)


def test_the_headlines_of_the_papers():
    found = {(one.label, one.dataset, one.pretrained_on): (one.test, one.fps) for one in PUBLISHED}
    assert found["V2", "cityscapes", None] == (72.6, 156)  # its abstract
    assert found["STDC1-50", "cityscapes", None] == (71.9, 250.4)  # its abstract
    assert found["STDC2-75", "cityscapes", None] == (76.8, 97)  # its abstract
    assert found["V1 Xception39", "cityscapes", None] == (68.4, 105.8)
    assert found["V2", "camvid", "cityscapes"][0] - found["V2", "camvid", None][0] == pytest.approx(4.3)
