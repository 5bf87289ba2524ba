import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import fake_tensorrt
import pytest
from wire_onnx import small_network

from bisenet_core.errors import InputError
from bisenet_core.files import user_cache
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.engine import cache as cache_module
from bisenet_core.runtime.engine.cache import EngineCache
from bisenet_core.runtime.engine.options import CacheKey, EngineOptions
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.model_search import weights_search_path

GPU = SimpleNamespace(name="NVIDIA Tegra X2", compute_capability=(6, 2))
OPTIONS = EngineOptions("fp32", (64, 32))


@pytest.fixture(params=["8.2", "11.4"])
def trt(request, monkeypatch, fake_driver):
    """The oldest and the newest TensorRT, with a current context; its networks are built but not run."""
    monkeypatch.setattr(fake_tensorrt, "network_shape", lambda onnx, tensor: (1, 11, 32, 64))
    with CudaDevice.open().current():
        yield fake_tensorrt.make_tensorrt(request.param, fake_driver)


@pytest.fixture
def card(tmp_path, write_model_folder):
    return ModelCard.load(write_model_folder(tmp_path / "net", small_network()))


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


def built(trt):
    return len(trt.builds)


def note_of(engine):
    return engine.path.with_suffix(".json")


def test_an_engine_is_built_once(trt, card, cache, caplog):
    first = cache.get_or_build(card, OPTIONS, GPU, trt, lambda *step: None)
    second = cache.get_or_build(card, OPTIONS, GPU, trt)
    assert built(trt) == 1 and first.seconds > 0 == second.seconds
    assert (first.plan, first.path) == (second.plan, second.path)
    assert first.path.read_bytes() == first.plan and "built again" not in caplog.text


def test_force_builds_again(trt, card, cache, caplog):
    cache.get_or_build(card, OPTIONS, GPU, trt)
    assert cache.get_or_build(card, OPTIONS, GPU, trt, force=True).seconds > 0
    assert built(trt) == 2 and "built again" not in caplog.text


def test_only_the_owner_reads_and_writes_it(trt, card, cache):
    umask = os.umask(0)
    try:
        cache.get_or_build(card, OPTIONS, GPU, trt)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()} == {0o600}


def test_the_json_beside_it_says_what_it_is(trt, card, cache):
    engine = cache.get_or_build(card, OPTIONS, GPU, trt)
    note = json.loads(note_of(engine).read_text())
    assert note["sha256"] == hashlib.sha256(engine.plan).hexdigest() and note["bytes"] == len(engine.plan)
    assert note["onnx_sha256"] == card.onnx_sha256 and note["tensorrt"] == trt.__version__
    assert (note["gpu"], note["compute_capability"]) == ("NVIDIA Tegra X2", [6, 2])
    assert (note["precision"], note["input_shape"]) == ("fp32", [1, 3, 32, 64])


def test_everything_an_engine_depends_on_is_in_its_name(make_card):
    trt, other_trt = SimpleNamespace(__version__="8.2.1.8"), SimpleNamespace(__version__="8.5.3.1")
    card, same_network = make_card(), make_card(metrics={"miou": 0.5})
    names = [CacheKey(*given).file_name for given in (
        (card, OPTIONS, GPU, trt), (card, OPTIONS, GPU, other_trt),
        (make_card(onnx_sha256="1" * 64), OPTIONS, GPU, trt),
        (card, OPTIONS, SimpleNamespace(name="Orin", compute_capability=(6, 2)), trt),
        (card, OPTIONS, SimpleNamespace(name=GPU.name, compute_capability=(8, 7)), trt),
        *((card, OPTIONS._replace(**{field: value}), GPU, trt) for field, value in (
            ("precision", "fp16"), ("input_size", (32, 64)), ("workspace_mib", 1),
            ("external_tactics", False), ("optimization_level", 2))))]
    assert len(set(names)) == len(names)
    assert CacheKey(same_network, OPTIONS, GPU, trt).file_name == names[0]
    assert names[0].startswith("tiny-fp32-64x32-")


def test_a_name_cannot_leave_the_folder(make_card):
    trt = SimpleNamespace(__version__="8.6.1")
    name = CacheKey(make_card(name="../../etc/x y"), OPTIONS, GPU, trt).file_name
    assert os.sep not in name and name[0] != "." and " " not in name


def empty(path):
    path.write_bytes(b"")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def open_to_others(path):
    path.chmod(0o620)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def remove_note(path):
    path.with_suffix(".json").unlink()


def spoil_note(path):
    path.with_suffix(".json").write_text("{")


def list_note(path):
    path.with_suffix(".json").write_text("[]")


def foreign_note(path):
    note = path.with_suffix(".json")
    note.write_text(json.dumps(dict(json.loads(note.read_text()), key="0" * 64)))


def open_note_to_others(path):
    path.with_suffix(".json").chmod(0o606)


SPOILED = [empty, truncate, flip, open_to_others, link, remove_note, spoil_note, list_note, foreign_note,
           open_note_to_others]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_an_engine_that_is_not_as_written_is_rebuilt_with_one_warning(trt, card, cache, caplog, spoil):
    first = cache.get_or_build(card, OPTIONS, GPU, trt, lambda *step: None)
    spoil(first.path)
    caplog.clear()
    second = cache.get_or_build(card, OPTIONS, GPU, trt, lambda *step: None)
    assert built(trt) == 2 and second.plan == first.plan
    warnings = [record.getMessage() for record in caplog.records if "built again" in record.getMessage()]
    assert len(warnings) == 1 and str(first.path) in warnings[0] and "\n" not in warnings[0]
    assert cache.get_or_build(card, OPTIONS, GPU, trt).seconds == 0.0


def test_an_engine_that_tensorrt_refuses_is_rebuilt_with_its_reason(trt, card, cache, caplog):
    first = cache.get_or_build(card, OPTIONS, GPU, trt)
    seen = []

    def refuse(plan):
        seen.append(plan)
        return "Version tag does not match"

    again = cache.get_or_build(card, OPTIONS, GPU, trt, usable=refuse)
    assert set(seen) == {first.plan} and again.seconds > 0
    assert caplog.text.count("is built again: Version tag does not match") == 1
    assert cache.get_or_build(card, OPTIONS, GPU, trt, usable=lambda plan: None).seconds == 0.0


def test_an_engine_on_a_disk_that_cannot_be_written_is_used(trt, card, cache, monkeypatch):
    cache.get_or_build(card, OPTIONS, GPU, trt)

    def refuse(path):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(cache, "_locked", refuse)
    assert cache.get_or_build(card, OPTIONS, GPU, trt).seconds == 0.0


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_into_is_refused(trt, card, cache, mode):
    cache.folder.mkdir()
    cache.folder.chmod(mode)
    with pytest.raises(InputError, match=r"may be written by others.*chmod 700"):
        cache.get_or_build(card, OPTIONS, GPU, trt)
    assert not list(cache.folder.iterdir())


def test_a_folder_of_another_user_is_refused(trt, card, cache, monkeypatch):
    cache.folder.mkdir(mode=0o755)
    if os.getuid() == 0:
        os.chown(str(cache.folder), 12345, -1)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    owner = cache.folder.stat()
    remedy = "belongs to user {0}, .*--user {0}:{1}.*BISENET_CACHE_OWNER={0}".format(*owner[4:6])
    if owner.st_uid:
        with pytest.raises(InputError, match=remedy):
            cache.get_or_build(card, OPTIONS, GPU, trt)


def test_root_may_trust_the_cache_of_the_user_who_started_the_container(trt, card, cache, monkeypatch):
    if os.getuid():
        pytest.skip("only root can make a folder of another user")
    first = cache.get_or_build(card, OPTIONS, GPU, trt)
    for path in (cache.folder, *cache.folder.iterdir()):
        os.chown(str(path), 12345, -1)
    for owner in ("", "12346", "root"):
        monkeypatch.setenv("BISENET_CACHE_OWNER", owner)
        with pytest.raises(InputError, match="BISENET_CACHE_OWNER=12345"):
            cache.get_or_build(card, OPTIONS, GPU, trt)
    monkeypatch.setenv("BISENET_CACHE_OWNER", "12345")
    assert cache.get_or_build(card, OPTIONS, GPU, trt).seconds == 0.0
    assert cache.get_or_build(card, OPTIONS, GPU, trt, force=True).plan == first.plan
    cache.folder.chmod(0o770)
    with pytest.raises(InputError, match="chmod 700"):
        cache.get_or_build(card, OPTIONS, GPU, trt)


@pytest.mark.parametrize("number, text", [(37, "No locks available"), (95, "Operation not supported")])
def test_a_file_system_without_locks_has_engines_all_the_same(
        trt, card, cache, monkeypatch, caplog, number, text):
    def refuse(descriptor, operation):
        raise OSError(number, text)

    monkeypatch.setattr(cache_module.fcntl, "flock", refuse)
    cache.folder.mkdir(mode=0o700)
    path = cache.get_or_build(card, OPTIONS, GPU, trt).path
    other = path.with_name(path.name + ".wr1t1ng.part")
    other.write_bytes(b"half")  # perhaps of a process that writes just now
    cache.get_or_build(card, OPTIONS, GPU, trt, force=True)
    assert other.exists() and "is made without a lock: " + text in caplog.text


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    for folder in (None, "~nobody_of_that_name/engines"):
        with pytest.raises(InputError, match=r"no folder for the engine cache: .*set HOME, or name one"):
            EngineCache(folder)
    assert all(path.is_absolute() for path in weights_search_path())


def no_folder(folder, monkeypatch):
    folder.write_text("")
    return folder


def no_lock(folder, monkeypatch):
    monkeypatch.setattr(CacheKey, "file_name", "net")
    folder.mkdir(mode=0o700)
    (folder / "net.engine.lock").mkdir()
    return folder


def full_disk(folder, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    return folder


def read_only_disk(folder, monkeypatch):
    def refuse(path, *further):
        raise OSError(30, "Read-only file system")

    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "open", refuse)
    return folder


def no_home(folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])


@pytest.mark.parametrize("spoil, reason", [
    (no_folder, "cannot be made: File exists"), (no_lock, "cannot be written: Is a directory"),
    (full_disk, "No space left on device"), (read_only_disk, "Read-only file system"), (no_home, "set HOME"),
])  # fmt: skip
def test_an_engine_that_cannot_be_kept_is_used_with_one_warning(
        trt, card, tmp_path, monkeypatch, caplog, spoil, reason):
    folder = spoil(tmp_path / "engines", monkeypatch)
    cache = EngineCache(folder, is_optional=True)
    assert cache.get_or_build(card, OPTIONS, GPU, trt, lambda *step: None, force=True).plan
    said, = (text for text in caplog.messages if "may be built again at the next start" in text)
    assert reason in said
    with pytest.raises(InputError, match=reason):  # as build-engine must be told
        EngineCache(folder).get_or_build(card, OPTIONS, GPU, trt, force=True)


def test_an_optional_cache_is_not_one_that_others_can_write_into(trt, card, tmp_path):
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines").chmod(0o777)
    with pytest.raises(InputError, match="written by others"):
        EngineCache(tmp_path / "engines", is_optional=True).get_or_build(card, OPTIONS, GPU, trt)


def test_leftovers_that_cannot_be_removed_are_bad_input(trt, card, cache):
    path = cache.get_or_build(card, OPTIONS, GPU, trt).path
    path.with_name(path.name + ".d1r.part").mkdir()
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        cache.get_or_build(card, OPTIONS, GPU, trt, force=True)


def test_a_folder_that_cannot_be_made_is_bad_input(trt, card, tmp_path):
    (tmp_path / "file").write_text("")
    cache = EngineCache(tmp_path / "file" / "engines")
    with pytest.raises(InputError, match=r"cache .*/file/engines cannot be made: .*name another folder"):
        cache.get_or_build(card, OPTIONS, GPU, trt)


def test_a_disk_that_is_full_is_bad_input_and_leaves_nothing(trt, card, cache, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match="cannot be written: No space left on device; make room"):
        cache.get_or_build(card, OPTIONS, GPU, trt)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_cleared_away(trt, card, cache):
    path = cache.get_or_build(card, OPTIONS, GPU, trt).path
    left = path.with_name(path.name + ".k1ll3d.part")
    left.write_bytes(b"half")
    cache.get_or_build(card, OPTIONS, GPU, trt, force=True)
    assert not left.exists()


def test_a_refused_network_leaves_no_engine(trt, card, cache):
    trt.failures.add("build_serialized_network")
    with pytest.raises(InputError):
        cache.get_or_build(card, OPTIONS, GPU, trt)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]


def test_two_threads_build_once(trt, card, cache, monkeypatch):
    building, release, engines = threading.Event(), threading.Event(), []
    build = cache_module.EngineBuilder.build

    def wait_and_build(*arguments):
        building.set()
        release.wait(10)
        with CudaDevice.open().current():
            return build(*arguments)

    monkeypatch.setattr(cache_module.EngineBuilder, "build", wait_and_build)
    threads = [threading.Thread(target=lambda: engines.append(cache.get_or_build(card, OPTIONS, GPU, trt)))
               for _ in range(2)]
    threads[0].start()
    assert building.wait(10)
    threads[1].start()
    release.set()
    for thread in threads:
        thread.join()
    assert built(trt) == 1 and engines[0].plan == engines[1].plan
    assert sorted(engine.seconds > 0 for engine in engines) == [False, True]


# a node of its own: it says when it builds, and builds when it is told
OTHER_NODE = """
import sys
from types import SimpleNamespace
import fake_pycuda
import fake_tensorrt
from bisenet_core.runtime.engine.cache import EngineCache
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.model_card import ModelCard
def progress(phase, done, steps):
    if done == 0:
        print("building", flush=True)
        sys.stdin.readline()
fake_tensorrt.network_shape = lambda onnx, tensor: (1, 11, 32, 64)
driver = fake_pycuda.FakeDriver()
driver.init()
driver.Device(0).retain_primary_context().push()
trt = fake_tensorrt.make_tensorrt("10.3", driver)
gpu = SimpleNamespace(name="GPU", compute_capability=(9, 0))
engine = EngineCache(sys.argv[1]).get_or_build(
    ModelCard.load(sys.argv[2]), EngineOptions("fp32", (64, 32)), gpu, trt, progress)
print(len(trt.builds), len(engine.plan))
"""


def start_node(cache, card):
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parents[3]), str(here.parents[1])])
    return subprocess.Popen(
        [sys.executable, "-c", OTHER_NODE, str(cache.folder), str(card.folder)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=path))


def test_two_nodes_build_once(card, cache):
    with start_node(cache, card) as first:
        assert first.stdout.readline() == "building\n"
        with start_node(cache, card) as second:
            assert "waiting for another process that builds" in second.stderr.readline()
            built_first = first.communicate("\n")[0].split()
            built_second = second.communicate()[0].split()
    assert built_first[0] == "1" and built_second == ["0", built_first[1]]


def test_a_node_that_dies_while_building_holds_nobody_up(card, cache):
    with start_node(cache, card) as first:
        assert first.stdout.readline() == "building\n"
        first.kill()
    with start_node(cache, card) as second:
        output, errors = second.communicate("\n")
    assert output.split()[:2] == ["building", "1"] and "waiting" not in errors


@pytest.mark.parametrize("given, expected", [
    ("/var/cache", "/var/cache/bisenet/engines"), ("", "~/.cache/bisenet/engines"),
    ("relative", "~/.cache/bisenet/engines")])
def test_the_default_is_the_users_cache(monkeypatch, given, expected):
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert str(user_cache("engines")) == os.path.expanduser(expected)
    assert EngineCache("").folder == EngineCache(None).folder == user_cache("engines")
