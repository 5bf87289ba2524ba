"""torch.cuda on the CPU, for PyTorch's way through a frame: streams, pinned memory and CUDA graphs.

A graph repeats what PyTorch dispatched while it was captured, on the same memory. As on a GPU, it does not
keep memory that was there before the capture; a replay that reads freed memory is an error here.
"""

import inspect
import weakref
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

_GRAPH = inspect.signature(torch.cuda.graph.__init__)  # of the PyTorch that is installed


class Gpu:
    """The state of the fake. ``failures``: name of a call -> what it raises."""

    def __init__(self):
        self.failures, self.graphs, self.warm = {}, [], set()
        self.is_capturing = self.is_busy = False

    def begin(self, call):
        """Before each call that a capture forbids."""
        assert not self.is_capturing, f"{call}: operation not permitted when stream is capturing"
        if call in self.failures:
            raise self.failures[call]


class Stream:
    def __init__(self, gpu):
        self._gpu = gpu

    def wait_stream(self, other):
        assert isinstance(other, Stream)

    def synchronize(self):
        self._gpu.begin("synchronize")
        self._gpu.is_busy = False


class Graph:
    """Like torch.cuda.CUDAGraph."""

    def __init__(self, gpu):
        self._gpu, self._calls, self._own = gpu, [], {}
        gpu.graphs.append(weakref.ref(self))

    def add(self, operation, arguments, results):
        before = {id(one.untyped_storage()) for one in _tensors(arguments)}
        for storage in (one.untyped_storage() for one in _tensors(results)):
            if id(storage) not in before:
                self._own[id(storage)] = storage  # the graph's own memory
        self._calls.append((operation, *tree_map(self._unless_own, (arguments, results))))

    def _unless_own(self, value):
        is_other = isinstance(value, torch.Tensor) and id(value.untyped_storage()) not in self._own
        return Borrowed(value) if is_other else value

    @torch.inference_mode()
    def replay(self):
        self._gpu.begin("replay")
        assert not self._gpu.is_busy, "a replay before the last one was waited for"
        self._gpu.is_busy = True
        for operation, *kept in self._calls:
            (arguments, named), results = tree_map(_lent, kept)
            for target, value in zip(_tensors(results), _tensors(operation(*arguments, **named))):
                if target.untyped_storage() is not value.untyped_storage():
                    target.copy_(value)


class Borrowed:
    """A tensor in memory that was there before the capture."""

    def __init__(self, tensor):
        self._storage = weakref.ref(tensor.untyped_storage())
        self._dtype, self._place = tensor.dtype, (tensor.storage_offset(), tensor.size(), tensor.stride())

    def tensor(self):
        storage = self._storage()
        assert storage is not None, "a CUDA graph reads memory that has been freed"
        return torch.empty(0, dtype=self._dtype).set_(storage, *self._place)


def _lent(value):
    return value.tensor() if isinstance(value, Borrowed) else value


def _tensors(values):
    return [one for one in tree_leaves(values) if isinstance(one, torch.Tensor)]


class _Dispatched(TorchDispatchMode):
    """Hands each operation to ``note``."""

    def __init__(self, note):
        super().__init__()
        self._note = note

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        results = operation(*arguments, **(named or {}))
        self._note(operation, (arguments, named or {}), results)
        return results


class _OnGpu(TorchFunctionMode):
    """Takes device="cuda", pin_memory=True and .cuda() for what a CPU has."""

    def __init__(self, gpu):
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = dict(named or {})
        if function is torch.Tensor.cuda:
            self._gpu.begin("cuda")
            return arguments[0]
        if named.get("device") == "cuda":
            del named["device"]
        if named.pop("pin_memory", False):
            self._gpu.begin("pin_memory")
        return function(*arguments, **named)


@contextmanager
def fake_torch_cuda(monkeypatch):
    """The Gpu, as long as the context lasts."""
    gpu = Gpu()
    stream = Stream(gpu)

    @contextmanager
    def run_on(_stream):
        with _Dispatched(lambda operation, *_: gpu.warm.add(operation)):
            yield

    @contextmanager
    def capture(graph, *arguments, **named):
        _GRAPH.bind(None, graph, *arguments, **named)
        gpu.begin("graph")

        def note(operation, used, results):
            assert operation in gpu.warm, f"{operation} runs for the first time within a capture"
            graph.add(operation, used, results)

        gpu.is_capturing = True
        try:
            with _Dispatched(note):
                yield
        finally:
            gpu.is_capturing = False

    for name, value in {
        "is_available": lambda: True, "get_device_name": lambda device=None: "NVIDIA Fake",
        "Stream": lambda device=None, priority=0: Stream(gpu), "current_stream": lambda device=None: stream,
        "stream": run_on, "CUDAGraph": lambda keep_graph=False: Graph(gpu), "graph": capture,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    with _OnGpu(gpu):
        yield gpu
