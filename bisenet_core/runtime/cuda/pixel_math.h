// The arithmetic of one pixel, for nvcc and NVRTC; the tests compile it for the host, and check its numbers.
//
// It repeats runtime/preprocessing.py, runtime/postprocessing.py and visualization.overlay bit by bit, so no
// multiplication may be fused with an addition (--fmad=false) but for the one that says so.
#ifndef BISENET_PIXEL_MATH_H
#define BISENET_PIXEL_MATH_H

typedef unsigned char Byte;

// ---- 16-bit floats, as their bits: cuda_fp16.h is not to be had with every NVRTC

#ifdef __CUDACC__  // a host has no PTX
__device__ inline float half_to_float(unsigned short half) {
  float value;
  asm("{cvt.f32.f16 %0, %1;}" : "=f"(value) : "h"(half));
  return value;
}

__device__ inline unsigned short float_to_half(float value) {  // to the nearest, ties to even
  unsigned short half;
  asm("{cvt.rn.f16.f32 %0, %1;}" : "=h"(half) : "f"(value));
  return half;
}
#endif

// ---- integers

__device__ inline int smaller(int a, int b) { return a < b ? a : b; }
__device__ inline int larger(int a, int b) { return a > b ? a : b; }
__device__ inline int clamped(int value, int last) { return larger(0, smaller(value, last)); }
__device__ inline Byte to_byte(int value) { return (Byte)clamped(value, 255); }

// Floor of n / d, 0 <= n < 2^31, of a quotient below 2^20: a fifth of an integer division's instructions.
__device__ inline int quotient(int n, int d, float inverse_of_d) {
  int q = (int)((float)n * inverse_of_d);
  const int rest = n - q * d;
  if (rest < 0) --q;
  if (rest >= d) ++q;
  return q;
}

// ---- reading a camera image

enum Layout { RGB, BGR, RGBA, BGRA, MONO, UYVY, YUYV };  // LAYOUTS in kernels.py

struct Image {
  const Byte* data;
  int width, height, step, layout;  // size in pixels, bytes from one row to the next
};

struct Color {
  int red, green, blue;
};

// BT.601 in its video range, in cv2's 20-bit fixed point.
__device__ inline Color color_from_yuv(int y, int u, int v) {
  const int luma = larger(0, y - 16) * 1220542 + (1 << 19);
  u -= 128;
  v -= 128;
  const Color color = {to_byte((luma + 1673527 * v) >> 20), to_byte((luma - 852492 * v - 409993 * u) >> 20),
                       to_byte((luma + 2116026 * u) >> 20)};
  return color;
}

__device__ inline Color pixel_of(const Image& image, int x, int y) {
  const Byte* row = image.data + (long long)y * image.step;
  if (image.layout >= UYVY) {
    const Byte* pair = row + 2 * (x & ~1);
    const int luma = image.layout == UYVY;  // the first luma's place among the four bytes
    return color_from_yuv(pair[luma + 2 * (x & 1)], pair[1 - luma], pair[3 - luma]);
  }
  if (image.layout == MONO) {
    const Color grey = {row[x], row[x], row[x]};
    return grey;
  }
  const Byte* pixel = row + (image.layout >= RGBA ? 4 : 3) * x;
  const int red = image.layout & 1 ? 2 : 0;
  const Color color = {pixel[red], pixel[1], pixel[2 - red]};
  return color;
}

// ---- cv2.resize, INTER_LINEAR, of 8-bit images: weights in 1/2048

struct Tap {
  int low, high, low_weight, high_weight;
};

// `inside` moves positions beyond the border onto it. cv2 does so along rows, but down the columns it repeats
// the border's row and keeps both weights, which rounds differently.
__device__ inline Tap resize_tap(int position, double scale, int length, bool inside) {
  float fraction = (float)((position + 0.5) * scale - 0.5);
  int low = (int)floorf(fraction);
  fraction -= (float)low;
  if (inside && (low < 0 || low >= length - 1)) {
    low = clamped(low, length - 1);
    fraction = 0.0f;
  }
  const Tap tap = {clamped(low, length - 1), clamped(low + 1, length - 1),
                   (int)rintf((1.0f - fraction) * 2048.0f), (int)rintf(fraction * 2048.0f)};
  return tap;
}

__device__ inline int blended(int top_left, int top_right, int bottom_left, int bottom_right, const Tap& column,
                              const Tap& row) {
  const int top = top_left * column.low_weight + top_right * column.high_weight;
  const int bottom = bottom_left * column.low_weight + bottom_right * column.high_weight;
  return ((row.low_weight * (top >> 4) >> 16) + (row.high_weight * (bottom >> 4) >> 16) + 2) >> 2;
}

// Where both sides are exactly halved, cv2 takes the mean of four pixels, which comes to the same.
__device__ inline Color resized_pixel(const Image& image, const Tap& column, const Tap& row) {
  const Color a = pixel_of(image, column.low, row.low), b = pixel_of(image, column.high, row.low);
  const Color c = pixel_of(image, column.low, row.high), d = pixel_of(image, column.high, row.high);
  const Color color = {blended(a.red, b.red, c.red, d.red, column, row),
                       blended(a.green, b.green, c.green, d.green, column, row),
                       blended(a.blue, b.blue, c.blue, d.blue, column, row)};
  return color;
}

// ---- logits to labels: postprocessing.py

// A float's bits in an order that unsigned integers have too; -0 and 0 are one value.
__device__ inline unsigned ordered_key(float value) {
  const unsigned bits = __float_as_uint(value + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ inline bool is_finite(float value) { return (__float_as_uint(value) & 0x7f800000u) != 0x7f800000u; }

// One axis of the grid of logits below the pixels of the network's input: pixel p lies at cell
// (p * step + offset) / divisor, one more than its position among the logits, so that nothing is negative.
struct Axis {
  int grid, network, step, offset, divisor;
};

__device__ inline Axis axis_of(int grid, int network, bool align_corners) {
  if (align_corners) {
    const int last = larger(1, network - 1);
    const Axis corners = {grid, network, grid - 1, last, last};
    return corners;
  }
  const Axis centres = {grid, network, 2 * grid, grid + network, 2 * network};
  return centres;
}

struct Position {
  int cell;      // 0 to grid: between logits cell - 1 and cell
  float weight;  // of the latter
};

__device__ inline Position position_in_grid(int pixel, const Axis& axis) {
  const int numerator = pixel * axis.step + axis.offset;
  const Position position = {numerator / axis.divisor,
                             (float)(numerator % axis.divisor) / (float)axis.divisor};
  return position;
}

// First pixel of the network's input that lies in `cell` or behind it.
__device__ inline int first_pixel(int cell, const Axis& axis) {
  if (cell > axis.grid) return axis.network;
  const int numerator = cell * axis.divisor - axis.offset;
  return numerator > 0 ? (numerator + axis.step - 1) / axis.step : 0;
}

// First output pixel whose nearest pixel of the network's input is `pixel` or behind it.
__device__ inline int first_output(int pixel, int network, int output) {
  return smaller(output, (2 * pixel * output + network - 1) / (2 * network));
}

struct Column {
  float top, difference;  // of one class, between the rows of logits above and below
};

__device__ inline Column column_between(float top_left, float top_right, float bottom_left, float bottom_right,
                                        float across) {
  const float top = top_left + across * (top_right - top_left);
  const float bottom = bottom_left + across * (bottom_right - bottom_left);
  const Column column = {top, bottom - top};
  return column;
}

// ---- overlay

// cv2.addWeighted of one 8-bit value: a fused multiplication, as every processor with vectors does it.
__device__ inline int mixed(int image, float image_share, int color, float color_share) {
  return to_byte((int)rintf(fmaf((float)image, image_share, (float)color * color_share)));
}

#endif
