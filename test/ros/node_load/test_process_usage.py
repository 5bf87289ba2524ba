"""What /proc says of a process, against a process that is known."""

import os
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
if not os.path.isdir("/proc/self/task"):
    pytest.skip("needs Linux's /proc", allow_module_level=True)

from node_harness import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "node_load"))

from process_usage import _stat, usage


def test_threads_files_memory_and_time_of_this_process(tmp_path):
    before = usage(os.getpid())
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    kept = bytearray(os.urandom(1)) * (64 << 20)
    while time.process_time() < before.cpu + 0.1:  # this process's own clock: no time is asserted
        pass
    with (tmp_path / "open").open("w"):
        after = usage(os.getpid())
    done.set()
    thread.join()
    assert after.threads >= before.threads + 1
    assert after.files == before.files + 1
    assert after.memory_mib - before.memory_mib > len(kept) / 2**20 / 2
    assert after.cpu > before.cpu
    assert 0 < after.cpu_main_and_dds <= after.cpu


def test_a_name_may_hold_blanks_and_brackets():
    fields = ["S"] + ["0"] * 10 + ["150", "50"] + ["0"] * 10
    name, seconds, state = _stat("12 (a) b) c) " + " ".join(fields))
    assert (name, state) == ("a) b) c", "S")
    assert seconds == 200 / os.sysconf("SC_CLK_TCK")


def test_a_process_that_is_gone_is_an_os_error():
    with pytest.raises(OSError):
        usage(2**22 + 1)


def test_a_process_that_is_dead_but_not_asked_for_its_status_is_an_os_error():
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # until it closes
        with pytest.raises(OSError):
            while True:
                usage(process.pid)
