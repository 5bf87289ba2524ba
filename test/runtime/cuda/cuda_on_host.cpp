// kernels.cu, compiled by g++ as it is: each block's threads run as fibers that take turns at __syncthreads().
#include <math.h>
#include <setjmp.h>
#include <string.h>
#include <ucontext.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define DYNAMIC_SHARED(type, name) type* name = (type*)dynamic_shared.data()

struct Dim3 {
  unsigned x, y, z;
};
static Dim3 threadIdx, blockIdx;
static std::vector<float> dynamic_shared;

template <class T>
static T max(T a, T b) { return a > b ? a : b; }
static int __popc(unsigned bits) { return __builtin_popcount(bits); }
static int __ffs(int bits) { return __builtin_ffs(bits); }
template <class T>
static void atomicMax(T* place, T value) {
  if (value > *place) *place = value;
}
static void atomicOr(unsigned* place, unsigned value) { *place |= value; }
static void __syncthreads();

static float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float half_to_float(unsigned short half) {
  const unsigned magnitude = half & 0x7fffu, sign = (half & 0x8000u) << 16;
  if (magnitude >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // The exponent's bias is 112 more in a float; a multiplication also brings subnormals right.
  return __uint_as_float(__float_as_uint(__uint_as_float(magnitude << 13) * __uint_as_float(0x77800000u)) | sign);
}

static unsigned short float_to_half(float value) {  // to the nearest, ties to even, as cvt.rn.f16.f32
  const unsigned bits = __float_as_uint(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (unsigned short)(sign | 0x7fffu);
  if (magnitude >= 0x477ff000u) return (unsigned short)(sign | 0x7c00u);
  if (magnitude < 0x38800000u)  // subnormal: adding 1/2 leaves its units in the lowest bits, rounded
    return (unsigned short)(sign | (__float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u));
  return (unsigned short)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

#include "kernels.cu"

namespace {

struct Fiber {
  ucontext_t start;
  jmp_buf state;
  std::vector<char> stack = std::vector<char>(64 << 10);
  Dim3 thread;
  bool started, done;
};

std::vector<Fiber*> fibers;
Fiber* running;
jmp_buf scheduler;
void (*invoke)(void**);
void** arguments;

void enter() {
  invoke(arguments);
  running->done = true;
  _longjmp(scheduler, 1);
}

// Runs a fiber until it ends or waits. _setjmp, unlike swapcontext, makes no system call.
void resume(Fiber* fiber) {
  running = fiber;
  threadIdx = fiber->thread;
  if (_setjmp(scheduler)) return;
  if (fiber->started) _longjmp(fiber->state, 1);
  fiber->started = true;
  setcontext(&fiber->start);
}

void prepare(Fiber* fiber, unsigned number, Dim3 block) {
  fiber->thread = {number % block.x, number / block.x % block.y, number / block.x / block.y};
  fiber->started = fiber->done = false;
  getcontext(&fiber->start);
  fiber->start.uc_stack.ss_sp = fiber->stack.data();
  fiber->start.uc_stack.ss_size = fiber->stack.size();
  makecontext(&fiber->start, enter, 0);
}

void run_block(Dim3 block) {
  const unsigned count = block.x * block.y * block.z;
  while (fibers.size() < count) fibers.push_back(new Fiber);
  for (unsigned i = 0; i < count; ++i) prepare(fibers[i], i, block);
  for (bool waiting = true; waiting;) {
    waiting = false;
    for (unsigned i = 0; i < count; ++i) {
      if (!fibers[i]->done) resume(fibers[i]);
      waiting = waiting || !fibers[i]->done;
    }
  }
}

// A kernel and the types of its arguments, as struct.pack and PyCUDA's prepare() name them.
struct Kernel {
  std::string name, types;
  void (*invoke)(void**);
};

template <class T> char letter(T*) { return 'P'; }
char letter(int) { return 'i'; }
char letter(float) { return 'f'; }
char letter(double) { return 'd'; }

template <class T> struct Caller;
template <class... P> struct Caller<void (*)(P...)> {
  static std::string types() { return std::string{letter(P())...}; }
  template <size_t... I>
  static void call(void (*kernel)(P...), void** values, std::index_sequence<I...>) {
    kernel(*(P*)values[I]...);
  }
  static void call(void (*kernel)(P...), void** values) {
    call(kernel, values, std::index_sequence_for<P...>());
  }
};

#define KERNEL(name) \
  Kernel { #name, Caller<decltype(&name)>::types(), [](void** v) { Caller<decltype(&name)>::call(name, v); } }

const Kernel kernels[] = {KERNEL(preprocess), KERNEL(label), KERNEL(postprocess)};

const Kernel* find(const char* name) {
  for (const Kernel& kernel : kernels)
    if (kernel.name == name) return &kernel;
  return nullptr;
}

}  // namespace

static void __syncthreads() {
  Fiber* const fiber = running;
  if (!_setjmp(fiber->state)) _longjmp(scheduler, 1);
}

extern "C" int host_quotient(int n, int d) { return quotient(n, d, 1.0f / d); }
extern "C" void host_to_half(const float* values, unsigned short* halves, int count) {
  for (int i = 0; i < count; ++i) halves[i] = float_to_half(values[i]);
}
extern "C" void host_to_float(const unsigned short* halves, float* values, int count) {
  for (int i = 0; i < count; ++i) values[i] = half_to_float(halves[i]);
}

// Types of the kernel's arguments, or null where there is none of that name.
extern "C" const char* host_signature(const char* name) {
  const Kernel* kernel = find(name);
  return kernel ? kernel->types.c_str() : nullptr;
}

// Runs every block, one after the other. `values` points at each argument. Not safe from two threads at once.
extern "C" void host_launch(const char* name, Dim3 grid, Dim3 block, unsigned shared_bytes, void** values) {
  invoke = find(name)->invoke;
  arguments = values;
  for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) {
        dynamic_shared.assign(shared_bytes / sizeof(float), NAN);  // a GPU's is not cleared either
        run_block(block);
      }
}
