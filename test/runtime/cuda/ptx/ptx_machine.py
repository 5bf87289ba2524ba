"""Run a kernel of a PTX text on all threads of all blocks, and refuse what is undefined on a GPU.

A CPU build of the same source shows neither what the compiler makes of it nor races between threads. Here
every load and store is checked for bounds, alignment, bytes that nobody wrote and, in shared memory, races
between two barriers; registers must be written before they are read. The first fault ends the run.
"""

import re

import numpy as np
from ptx_arithmetic import TYPES, compare, compute, convert
from ptx_memory import Fault, SharedMemory
from ptx_program import Program

_RUNNING, _WAITING, _ENDED = range(3)
_WIDTHS = {"p": "?", "rs": "u2", "r": "u4", "rd": "u8", "f": "u4", "fd": "u8"}
_ADDRESS = re.compile(r"\[(.+?)(?:\+(-?\d+))?\]")


class Launch:
    """One launch of ``kernel``: ``run()`` returns when all of its threads have ended."""

    def __init__(self, ptx, kernel, memory, grid, block, arguments, shared_bytes=0):
        self.program, self.memory = Program(ptx, kernel), memory
        self._blocks, self._threads = int(np.prod(grid)), int(np.prod(block))
        everyone = np.arange(self._blocks * self._threads)
        self._block_of, thread = everyone // self._threads, everyone % self._threads
        self._specials = {
            "%tid.x": thread % block[0], "%tid.y": thread // block[0], "%ctaid.x": self._block_of % grid[0],
            "%ctaid.y": self._block_of // grid[0], "%ntid.x": np.full(len(everyone), block[0])}
        self._arguments = {name: np.array([value]).astype(TYPES[kind]) for (kind, name), value in zip(
            self.program.parameters, arguments)}
        self._shared_bytes = self.program.static_bytes + -(-shared_bytes // 16) * 16
        self.shared = SharedMemory(self._blocks, self._shared_bytes)
        self._registers, self._written = {}, {}
        self._next, self._state = np.zeros(len(everyone), int), np.full(len(everyone), _RUNNING)
        #: instructions, each counted once for every warp that executes it
        self.warp_instructions = 0

    def run(self):
        """Execute the threads that are furthest behind, until all have ended."""
        with np.errstate(all="ignore"):
            while (self._state != _ENDED).any():
                running = np.flatnonzero(self._state == _RUNNING)
                if not len(running):
                    self._open_barriers()
                    continue
                places = self._next[running]
                first = places.min()
                others = places[places > first]
                self._execute(int(first), running[places == first], others.min() if len(others) else None)
        return self

    def _open_barriers(self):
        for block in range(self._blocks):
            own = slice(block * self._threads, (block + 1) * self._threads)
            if (self._state[own] == _WAITING).any():
                if (self._state[own] == _ENDED).any():
                    raise Fault("threads wait at a barrier that others have passed by")
                self.shared.pass_barrier(block)
                self._state[own] = _RUNNING

    def _execute(self, place, threads, meeting):
        """Run straight on, until the threads part, wait, end, or meet the others at ``meeting``."""
        while place != meeting:
            instruction = self.program.code[place]
            self.warp_instructions += len(np.unique(threads // 32))
            name, chosen = instruction.opcode[0], self._chosen(instruction, threads)
            self._next[threads] = place = place + 1
            if name == "bra":
                self._next[chosen] = self.program.labels[instruction.operands[0]]
                return
            if name in ("ret", "bar"):
                self._state[chosen] = _ENDED if name == "ret" else _WAITING
                return
            if len(chosen):
                self._do(instruction, chosen)

    def _chosen(self, instruction, threads):
        if instruction.guard is None:
            return threads
        return threads[self._value(instruction.guard, TYPES["pred"], threads) != instruction.negated]

    def _do(self, instruction, threads):
        opcode, operands = instruction.opcode, instruction.operands
        try:
            if opcode[0] in ("ld", "st", "atom"):
                self._access(opcode, operands, threads)
            else:
                self._write(operands[0], self._result(opcode, operands[1:], threads), threads)
        except Fault as fault:
            raise Fault(f"{fault}: {instruction.text}") from None

    def _result(self, opcode, operands, threads):
        dtype = TYPES[opcode[-1]]
        if opcode[0] == "selp":
            chosen = self._value(operands[2], TYPES["pred"], threads)
            return np.where(chosen, *(self._value(one, dtype, threads) for one in operands[:2]))
        if opcode[0] in ("shl", "shr", "bfi"):  # what counts bits is of 32
            kinds = [dtype] * (len(operands) - (1 if opcode[0] != "bfi" else 2)) + [TYPES["u32"]] * 2
            return compute(opcode, [self._value(*pair, threads) for pair in zip(operands, kinds)], dtype)
        values = [self._value(one, dtype, threads) for one in operands]
        if opcode[0] == "setp":
            return compare(opcode, *values)
        if opcode[0] == "cvt":
            return convert(opcode, *values)
        return values[0] if opcode[0] == "cvta" else compute(opcode, values, dtype)

    # ---- registers

    def _value(self, operand, dtype, threads):
        if operand in self._specials:
            return self._specials[operand][threads].astype(dtype)
        if operand.startswith("%"):
            register, written = self._registers.get(operand), self._written.get(operand)
            if register is None or not written[threads].all():
                raise Fault(f"{operand} is read before it is written")
            return _as_type(register[threads], dtype)
        return np.full(len(threads), self._constant(operand, dtype))

    def _constant(self, operand, dtype):
        if operand in self.program.shared:
            return np.uint64(self.program.shared[operand])
        if operand[:2] in ("0f", "0d"):
            bits = np.array(int(operand[2:], 16), "u4" if operand[1] == "f" else "u8")
            return bits.view(bits.dtype.str.replace("u", "f")).astype(dtype)
        if dtype.kind == "b":
            return bool(int(operand))
        unsigned = np.dtype("u" + str(dtype.itemsize))
        return np.array(int(operand, 0) % (1 << 8 * dtype.itemsize), unsigned).view(dtype)

    def _write(self, name, values, threads):
        if name not in self._registers:
            width = _WIDTHS[re.match(r"%([a-z]+)", name)[1]]
            self._registers[name] = np.zeros(len(self._next), width)
            self._written[name] = np.zeros(len(self._next), bool)
        register = self._registers[name]
        if values.dtype.kind == "i":
            values = values.astype("i" + str(register.itemsize))
        register[threads] = values if values.dtype.kind == "b" else _bits_of(values)
        self._written[name][threads] = True

    # ---- memory

    def _access(self, opcode, operands, threads):
        space = opcode[1]
        if space == "param":
            self._write(operands[0], np.repeat(self._arguments[operands[1][1:-1]], len(threads)), threads)
            return
        dtype, address = TYPES[opcode[-1]], operands[0] if opcode[0] == "st" else operands[1]
        names = operands[1] if opcode[0] == "st" else operands[0]
        registers = names.strip("{}").replace(",", " ").split()
        base, offset = _ADDRESS.fullmatch(address).groups()
        starts = self._value(base, TYPES["u64"], threads).astype(np.int64) + int(offset or 0)
        if (starts % (dtype.itemsize * len(registers))).any():
            raise Fault("misaligned")
        for index, register in enumerate(registers):
            places = self._places(space, starts + index * dtype.itemsize, dtype, threads)
            self._move(opcode, operands, register, places, dtype, threads)

    def _places(self, space, starts, dtype, threads):
        if space == "shared":
            if starts.min() < 0 or starts.max() + dtype.itemsize > self._shared_bytes:
                raise Fault("out of bounds")
            starts = starts + self._block_of[threads] * self._shared_bytes
        return starts[:, None] + np.arange(dtype.itemsize)

    def _move(self, opcode, operands, register, places, dtype, threads):
        memory = self.shared if opcode[1] == "shared" else self.memory
        memory.note(places, threads, {"ld": "load", "st": "store", "atom": "atomic"}[opcode[0]])
        if opcode[0] == "st":
            memory.bytes[places] = self._value(register, dtype, threads).view(np.uint8).reshape(places.shape)
            return
        self._write(register, memory.bytes[places].view(dtype)[:, 0], threads)
        if opcode[0] == "atom":
            combine = {"max": np.maximum, "or": np.bitwise_or}[opcode[2]]
            values = self._value(operands[2], dtype, threads)
            combine.at(memory.bytes.view(dtype), places[:, 0] // dtype.itemsize, values)


def _bits_of(values):
    return values.view("u" + str(values.itemsize))


def _as_type(bits, dtype):
    if dtype.kind == "b" or bits.dtype.kind == "b":
        return bits.astype(dtype)
    return bits.astype("u" + str(dtype.itemsize)).view(dtype)
