"""What an error suggests in the place of a name that is not known."""

from bisenet_core.errors import suggest

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
