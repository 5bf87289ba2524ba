"""What errors suggest, and how those of the system are told."""

import pytest

from bisenet_core.errors import InputError, explain_os_errors, suggest

KNOWN = ("bisenetv1", "bisenetv2", "Traffic Light")


def test_the_nearest_name_is_suggested_as_it_is_spelt():
    assert suggest("bisnetv2", KNOWN) == "did you mean 'bisenetv2'?"
    assert suggest("trafic-light", KNOWN) == "did you mean 'Traffic Light'?"


def test_case_does_not_matter():
    assert suggest("BISENETV2", KNOWN) == "did you mean 'bisenetv2'?"


def test_where_nothing_is_near_all_are_named_or_what_the_caller_says():
    assert suggest("yolo", KNOWN) == "known: bisenetv1, bisenetv2, Traffic Light"
    assert suggest("yolo", KNOWN, otherwise="see `bisenet weights list`") == "see `bisenet weights list`"
    assert suggest("yolo", KNOWN, otherwise="") == ""


def test_an_os_error_is_told_with_what_failed_and_what_to_do(tmp_path):
    told = r"^cannot read x: No such file or directory; restore it$"
    with pytest.raises(InputError, match=told), explain_os_errors("cannot read x", "restore it"):
        (tmp_path / "x").read_bytes()
    with pytest.raises(InputError, match="^cannot read x: of no number$"), explain_os_errors("cannot read x"):
        raise OSError("of no number")
    with pytest.raises(KeyError), explain_os_errors("cannot read x"):
        raise KeyError("another kind of error is no matter of files")
