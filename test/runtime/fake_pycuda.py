"""A pycuda.driver that computes on the host, counts what is allocated and refuses misuse.

Device memory is host memory under fake care: its addresses are real, so that kernels compiled for the host
run on them. Work on a stream happens only when something waits for it, so that a wait that is missing shows.

As on a GPU, what goes wrong in a kernel is told by the calls behind it, and by every one from then on; while
a stream is captured most calls are illegal, and so is a kernel's first launch; what Python frees where the
context is not current, in another thread than its own, leaks; and a GPU that hangs ends no call that waits.
"""

import ctypes
import itertools
import struct
import sys
import threading
import time
import types
import weakref

import numpy as np


class Misuse(AssertionError):  # noqa: N818 - it says what is wrong
    """What would be undefined on a GPU, or at least not what its caller meant."""


class Error(Exception):
    """pycuda.driver.Error and its children."""


class MemoryError(Error):
    pass


class LogicError(Error):
    pass


class LaunchError(Error):
    pass


class FakeDriver(types.ModuleType):
    """``pycuda.driver`` with one GPU. ``kernels``: a module of kernels compiled for the host.

    ``failures`` maps the name of a call to the Error that it raises from now on. ``allocations`` counts
    device and pinned memory, streams, events and modules; ``live`` is the memory that was not freed.
    ``fault`` is an Error that the next kernel causes, ``hung`` a GPU that does no work any more. ``stuck``
    lists the calls that would then wait for ever, ``leaks`` what was freed where it cannot be.
    """

    Error, MemoryError, LogicError, LaunchError = Error, MemoryError, LogicError, LaunchError

    def __init__(self, name="NVIDIA Fake", compute_capability=(8, 6), devices=1, kernels=None):
        super().__init__("pycuda.driver")
        self.kernels = kernels
        self.failures, self.live, self.streams = {}, {}, {}
        self.allocations, self.retained, self.graphs = 0, 0, {}
        self.pinned = weakref.WeakSet()
        self._gpu = (name, compute_capability, devices)
        self._thread = threading.local()
        self._initialised = False
        self.modules_loaded = []
        self.unfinished = []
        self.integrated, self.device_attribute = False, types.SimpleNamespace(INTEGRATED="integrated")
        self.fault = self.sticky = None
        self.hung, self.stuck, self.leaks = False, [], []
        for kind in (Context, Device, Stream, Event):
            setattr(self, kind.__name__, type(kind.__name__, (kind,), {"driver": self}))

    # what pycuda.driver has

    def init(self):
        self.fail("init")
        self._initialised = True

    def get_driver_version(self):
        return 12040

    def mem_alloc(self, nbytes):
        self.check("mem_alloc")
        self.waits("mem_alloc", spoils=False)
        if not nbytes:
            raise self.LogicError("cuMemAlloc failed: invalid argument")
        return DeviceAllocation(self, nbytes)

    @property
    def caches_pinned(self):
        return not self.integrated or self._gpu[1] >= (7, 2)

    def pagelocked_empty(self, shape, dtype, order="C", mem_flags=0):
        self.check("pagelocked_empty")
        if not self.caches_pinned:
            raise Misuse("this CPU reads pinned memory without its cache")
        self.waits("pagelocked_empty", spoils=False)
        array = np.empty(shape, dtype, order)
        array.reshape(-1).view(np.uint8)[...] = 0xA5  # nobody may count on zeros
        self.allocations += 1
        holder = Pinned(self, array)
        return np.asarray(holder)

    def memcpy_htod(self, dest, src):
        """Of pageable memory: staged when it returns, on the device when the context is waited for."""
        self.check("memcpy_htod")
        self.view(int(dest), (host_bytes(src).nbytes,), np.uint8)
        staged = host_bytes(src).copy()
        self.unfinished.append((int(dest), staged))

    def memcpy_dtoh(self, dest, src):
        """Waits for the legacy stream, and for none that was made not to wait for it."""
        self.check("memcpy_dtoh")
        self.finish()
        self.copy(host_bytes(dest).ctypes.data, int(src), host_bytes(dest).nbytes, to_device=False)

    def memcpy_htod_async(self, dest, src, stream):
        self.check("memcpy_htod_async")
        # pageable memory is staged when the call returns
        source = self.pinned_bytes(src) if self.caches_pinned else host_bytes(src).copy()
        dest, address, size = int(dest), source.ctypes.data, source.nbytes
        staged = None if self.caches_pinned else source
        stream.put(lambda: self.copy(dest, address, size, to_device=True, keep=staged))

    def memcpy_dtoh_async(self, dest, src, stream):
        self.check("memcpy_dtoh_async")
        target = self.pinned_bytes(dest)
        source, address, size = int(src), target.ctypes.data, target.nbytes
        stream.put(lambda: self.copy(address, source, size, to_device=False))

    def memcpy_dtod_async(self, dest, src, size, stream):
        self.check("memcpy_dtod_async")
        dest, src = int(dest), int(src)
        stream.put(lambda: np.copyto(self.view(dest, (size,), np.uint8), self.view(src, (size,), np.uint8)))

    def memset_d8_async(self, dest, data, count, stream):
        self.check("memset_d8_async")
        dest = int(dest)
        stream.put(lambda: self.view(dest, (count,), np.uint8).fill(data))

    def module_from_buffer(self, image):
        self.check("module_from_buffer")
        self.allocations += 1
        self.modules_loaded.append(image)
        return Module(self)

    # what the tests and the fake TensorRT ask

    def fail(self, name):
        if name in self.failures:
            error = self.failures[name]
            raise type(error)(*error.args)  # a new one: the traceback of one that is kept grows

    def check(self, name):
        """A call into CUDA: refused without a current context, and in one that has failed before."""
        self.fail(name)
        if self.sticky is not None:
            raise type(self.sticky)(name + " failed: " + str(self.sticky))
        if not self._initialised or not self.context_stack:
            raise self.LogicError(name + " failed: invalid device context")

    def waits(self, name, spoils=True):
        """A call that returns when the GPU has done its work; some are legal during a (relaxed) capture."""
        if self.is_stuck:
            self.stuck.append(name)
            raise Misuse(name + " would wait for ever")
        for stream in self.streams.values() if spoils else ():
            stream.refuse_capture()

    def may_free(self, kind, context):
        """Whether a destructor reaches ``context``, as pycuda's do: where it is current, or in its thread."""
        if not context.valid:
            return False  # all of its memory is gone with it
        if context not in self.context_stack and threading.get_ident() != context.thread:
            self.leaks.append(kind)
            return False
        if self.is_stuck:
            self.stuck.append("the destructor of a " + kind)
            return False
        return self.sticky is None  # pycuda warns, and goes on

    @property
    def is_stuck(self):
        return self.hung and any(stream.queue for stream in self.streams.values())

    @property
    def context_stack(self):
        if not hasattr(self._thread, "stack"):
            self._thread.stack = []
        return self._thread.stack

    def view(self, address, shape, dtype):
        """Device memory as an array; Misuse unless it lies in one live piece."""
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        for start, buffer in list(self.live.items()):
            if start <= address and address + nbytes <= start + buffer.nbytes:
                return buffer[address - start:address - start + nbytes].view(dtype).reshape(shape)
        raise Misuse("{} bytes at {:#x} are not within allocated device memory".format(nbytes, address))

    def copy(self, dest, source, size, to_device, keep=None):
        self.view(dest if to_device else source, (size,), np.uint8)
        ctypes.memmove(dest, source, size)

    def pinned_bytes(self, array):
        array = host_bytes(array)
        base = array
        while isinstance(getattr(base, "base", None), (np.ndarray, Pinned)):
            base = base.base
        if not isinstance(base, Pinned):
            raise Misuse("an asynchronous copy of pageable memory: it would wait, and spoil a capture")
        if base.array is None:
            raise Misuse("pinned memory was freed")
        return array

    def finish(self):
        unfinished, self.unfinished = self.unfinished, []
        for dest, staged in unfinished:
            self.copy(dest, staged.ctypes.data, staged.nbytes, to_device=True)

    def synchronize(self):
        self.waits("a synchronising call")
        for stream in list(self.streams.values()):
            stream.run()


class Held:
    """What pycuda frees with its last reference."""

    def hold(self, driver):
        self.driver, self.context = driver, driver.context_stack[-1]

    def __del__(self):
        if getattr(self, "context", None) is not None and self.driver is not None:
            self.driver.may_free(type(self).__name__, self.context)


class Pinned(Held):
    """pycuda's PagelockedHostAllocation, the base of a pinned array."""

    def __init__(self, driver, array):
        self.hold(driver)
        self.array = array
        driver.pinned.add(self)
        self.__array_interface__ = array.__array_interface__

    def free(self):
        self.driver.check("free")
        self.array = None


def host_bytes(array):
    if not array.flags.c_contiguous:
        raise Misuse("the array is not C-contiguous")
    return array


class DeviceAllocation(Held):
    """Memory that traps whoever uses it after ``free``."""

    def __init__(self, driver, nbytes):
        driver.allocations += 1
        self.hold(driver)
        buffer = np.full(nbytes, 0xA5, np.uint8)
        self.address = buffer.ctypes.data
        driver.live[self.address] = buffer

    def __int__(self):
        if self.driver is None:
            raise Misuse("device memory was freed")
        return self.address

    def free(self):
        if self.driver is None:
            raise Misuse("device memory is freed twice")
        driver, self.driver = self.driver, None
        driver.fail("free")
        if driver.sticky is None:  # else pycuda warns, and the memory goes with the context
            driver.check("free")
            driver.synchronize()
            driver.finish()
        del driver.live[self.address]

    def __del__(self):
        if self.driver is not None and self.driver.may_free("DeviceAllocation", self.context):
            del self.driver.live[self.address]


class Device:
    driver = None

    def __init__(self, number):
        self.driver.fail("Device")
        if number >= self.driver._gpu[2]:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    @classmethod
    def count(cls):
        return cls.driver._gpu[2]

    def name(self):
        self.driver.fail("Device.name")
        return self.driver._gpu[0]

    def compute_capability(self):
        return self.driver._gpu[1]

    def get_attribute(self, attribute):
        return int(getattr(self.driver, attribute))

    def retain_primary_context(self):
        self.driver.fail("retain_primary_context")
        if not self.driver.retained:
            self.driver.sticky = None  # a new context
        self.driver.retained += 1
        return self.driver.Context()


class Context:
    """The primary context; ``detach`` works as pycuda's: only where it is current, or in its own thread."""

    driver = None

    def __init__(self):
        self.valid, self.thread = True, threading.get_ident()

    @classmethod
    def synchronize(cls):
        cls.driver.check("Context.synchronize")
        cls.driver.synchronize()
        cls.driver.finish()

    def push(self):
        self.driver.fail("Context.push")
        if not self.valid:
            raise LogicError("cuCtxPushCurrent failed: invalid device context")
        self.driver.context_stack.append(self)

    def pop(self):
        if not self.driver.context_stack:
            raise LogicError("context::pop failed: invalid device context - cannot pop non-current context")
        self.driver.context_stack.pop()

    def detach(self):
        if not self.valid:
            raise LogicError("context::detach failed: invalid device context")
        self.valid = False
        self.driver.waits("Context.detach")
        if self in self.driver.context_stack or self.thread == threading.get_ident():
            self.driver.retained -= 1
            self.driver.context_stack[:] = [c for c in self.driver.context_stack if c is not self]
            self.driver._thread.left_behind = getattr(self.driver._thread, "left_behind", 0) + 1


class Stream(Held):
    driver, _handles = None, itertools.count(0x1000)

    def __init__(self, flags=0):
        self.driver.check("Stream")
        self.hold(self.driver)
        self.driver.allocations += 1
        self.handle, self.queue, self.captured, self.spoilt = next(self._handles), [], None, False
        self.driver.streams[self.handle] = self

    def put(self, work):
        (self.queue if self.captured is None else self.captured).append(work)

    def refuse_capture(self):
        """An illegal call spoils a capture, too: what it has recorded is lost."""
        if self.captured is not None:
            self.spoilt = True
            raise LogicError("operation not permitted when stream is capturing")

    def run(self):
        self.refuse_capture()
        queue, self.queue = self.queue, []
        if self.driver.sticky is None:
            for work in queue:
                work()

    def synchronize(self):
        self.driver.check("Stream.synchronize")
        self.driver.waits("Stream.synchronize")
        self.run()

    def is_done(self):
        """False at first, while there is work: so nobody takes it for granted."""
        self.driver.check("Stream.is_done")
        self.refuse_capture()
        done = not self.queue
        if not self.driver.hung:
            self.run()
        return done


class Event(Held):
    driver = stream = None

    def __init__(self, flags=0):
        self.driver.check("Event")
        self.hold(self.driver)
        self.driver.allocations += 1
        self.time = None

    def record(self, stream):
        self.driver.check("Event.record")
        if stream.captured is not None:
            raise Misuse("an event recorded in a capture keeps no time")
        self.time, self.stream = None, stream
        stream.put(lambda: setattr(self, "time", time.perf_counter()))
        return self

    def synchronize(self):
        self.driver.check("Event.synchronize")
        self.driver.synchronize()
        return self

    def query(self):
        """True where it was never recorded, as in CUDA."""
        self.driver.check("Event.query")
        return self.stream is None or self.time is not None or (self.stream.is_done() and self.query())

    def time_since(self, earlier):
        if self.time is None or earlier.time is None:
            raise LogicError("cuEventElapsedTime failed: device not ready")
        return 1e3 * (self.time - earlier.time)


class Module(Held):
    def __init__(self, driver):
        self.hold(driver)

    def get_function(self, name):
        try:
            return Function(self, self.driver.kernels.get_function(name))
        except LookupError as error:
            raise LogicError(str(error)) from error


class Function:
    """A kernel, launched when its stream runs; pointers must be to device memory."""

    def __init__(self, module, kernel):
        self.module, self.driver, self.kernel, self.formats = module, module.driver, kernel, None
        self.is_loaded = False

    def prepare(self, formats):
        self.formats = formats
        self.kernel.prepare(formats)
        return self

    def prepared_async_call(self, grid, block, stream, *arguments, **keywords):
        self.driver.check("launch")
        too_many = np.prod(block) > 1024 or max(tuple(grid)[1:], default=1) > 65535
        if too_many or min(tuple(grid) + tuple(block)) < 1:
            raise LaunchError("cuLaunchKernel failed: invalid argument")
        if not self.is_loaded:  # with CUDA_MODULE_LOADING=LAZY, since CUDA 12.2 the default
            stream.refuse_capture()
        self.is_loaded = True
        values = [self._value(*pair) for pair in zip(self.formats, arguments)]
        stream.put(lambda: self._run(grid, block, values, keywords))

    def _run(self, grid, block, values, keywords):
        if self.driver.fault is not None:
            self.driver.sticky, self.driver.fault = self.driver.fault, None
        if self.driver.sticky is None:
            self.kernel.prepared_async_call(grid, block, None, *values, **keywords)

    def _value(self, kind, argument):
        if kind == "P" and int(argument):
            self.driver.view(int(argument), (1,), np.uint8)
        return struct.unpack(kind, struct.pack(kind, argument))[0]


class FakeLibcuda:
    """The functions of libcuda.so.1 that are called by ctypes, with its arguments."""

    def __init__(self, driver):
        self.driver, self._graphs, self._numbers = driver, driver.graphs, itertools.count(1)

    def cuStreamBeginCapture_v2(self, stream, mode):  # noqa: N802
        self.driver.check("cuStreamBeginCapture_v2")
        self.driver.streams[stream.value].captured = []
        return 0

    def cuStreamEndCapture(self, stream, graph):  # noqa: N802
        fake = self.driver.streams[stream.value]
        work, fake.captured = fake.captured, None
        if fake.spoilt:
            fake.spoilt = False
            return 901
        return self._new(graph, work)

    def cuGraphInstantiateWithFlags(self, executable, graph, flags):  # noqa: N802
        return self._new(executable, self._graphs[graph.value])

    def cuGraphLaunch(self, executable, stream):  # noqa: N802
        self.driver.check("cuGraphLaunch")
        for work in self._graphs[executable.value]:
            self.driver.streams[stream.value].put(work)
        return 0

    def cuGraphDestroy(self, graph):  # noqa: N802
        del self._graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy  # noqa: N815

    def cuCtxPopCurrent_v2(self, context):  # noqa: N802
        self.driver._thread.left_behind -= 1
        return 0

    def cuInit(self, flags):  # noqa: N802
        return 0

    def cuDeviceGet(self, device, number):  # noqa: N802
        return 0 if number < self.driver.Device.count() else 101

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = self.driver.Device(0).name().encode()
        return 0

    def _new(self, target, work):
        target._obj.value = number = next(self._numbers)
        self._graphs[number] = work
        return 0


def install(monkeypatch, driver):
    """Have ``import pycuda.driver`` and the driver's own library give the fakes until the test ends."""
    from bisenet_core.runtime.cuda import device, libcuda

    monkeypatch.setattr(device.CudaDevice, "hung", "")
    package = types.ModuleType("pycuda")
    package.driver = driver
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    library = FakeLibcuda(driver)
    for module in (device, libcuda):
        monkeypatch.setattr(module, "load_libcuda", lambda: library)
    return driver
