"""malloc keeps what large images leave behind. No ROS needed."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Page faults of filling 20 images of 6 MB one after the other: 1500 pages each where the kernel gives new.
PROBE = """
import resource, sys
from array import array
from bisenet_core.runtime.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
source = bytes(6 << 20)
def fill():
    data = array("B")
    data.frombytes(source)
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _page_faults(mode):
    return int(subprocess.check_output([sys.executable, "-c", PROBE, mode], cwd=str(ROOT)))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are glibc's")
def test_images_reuse_the_memory_of_images():
    assert _page_faults("keep") < 1000 < _page_faults("leave")
