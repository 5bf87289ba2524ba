// From the labels of a tile, at the network's size, to the images that are asked for, at the camera's.
#ifndef BISENET_OUTPUTS_H
#define BISENET_OUTPUTS_H

#include "tile.h"

enum { GROUP = 4, GROUP_LANES = 64 };

struct Outputs {
  Byte *labels, *confidence;
  float logit_factor;  // before the softmax of the confidence
  Byte* masks;
  const Byte* mask_ids;
  int mask_count;
  Byte* overlay;
  Image camera;
  const Byte* palette;
  float image_share, color_share;
  int lowest;  // smallest confidence that masks and overlay show
};

// Up to 4 neighbouring pixels of one row of the output, from the first whose number is a multiple of 4.
struct Group {
  Byte label[GROUP], confidence[GROUP];
  int x, y, begin, end;  // pixels begin to end - 1 of the group are inside
};

__device__ inline void store_group(Byte* plane, size_t pixel, const Byte* values, const Group& group) {
  Byte* place = plane + pixel;
  if (group.end - group.begin == GROUP && ((size_t)place & 3) == 0) {
    *(unsigned*)place = values[0] | values[1] << 8 | values[2] << 16 | (unsigned)values[3] << 24;
    return;
  }
#pragma unroll  // an index known at compile time keeps the group in registers
  for (int i = 0; i < GROUP; ++i)
    if (i >= group.begin && i < group.end) place[i] = values[i];
}

__device__ inline void store_masks(const Outputs& out, size_t pixel, size_t plane, const Group& group) {
  Byte mask[GROUP];
  for (int k = 0; k < out.mask_count; ++k) {
    for (int i = 0; i < GROUP; ++i)
      mask[i] = group.label[i] == out.mask_ids[k] && group.confidence[i] >= out.lowest ? 255 : 0;
    store_group(out.masks + k * plane, pixel, mask, group);
  }
}

__device__ inline void store_overlay(const Outputs& out, size_t pixel, const Group& group) {
#pragma unroll
  for (int i = 0; i < GROUP; ++i) {
    if (i < group.begin || i >= group.end) continue;
    const Color seen = pixel_of(out.camera, group.x + i, group.y);
    const Byte* color = out.palette + 3 * group.label[i];
    const bool shown = group.confidence[i] >= out.lowest;
    Byte* place = out.overlay + 3 * (pixel + i);
    place[0] = (Byte)(shown ? mixed(seen.red, out.image_share, color[0], out.color_share) : seen.red);
    place[1] = (Byte)(shown ? mixed(seen.green, out.image_share, color[1], out.color_share) : seen.green);
    place[2] = (Byte)(shown ? mixed(seen.blue, out.image_share, color[2], out.color_share) : seen.blue);
  }
}

template <bool LABELS_ALONE>
__device__ inline void store_pixels(const Outputs& out, const Group& group) {
  const size_t pixel = (size_t)group.y * out.camera.width + group.x;
  const size_t plane = (size_t)out.camera.width * out.camera.height;
  store_group(out.labels, pixel, group.label, group);
  if (LABELS_ALONE) return;
  if (out.confidence) store_group(out.confidence, pixel, group.confidence, group);
  if (out.masks) store_masks(out, pixel, plane, group);
  if (out.overlay) store_overlay(out, pixel, group);
}

// The output pixels at `columns`, `rows`, whose nearest pixel lies in the chunk that begins at pixel left, top.
template <bool LABELS_ALONE>
__device__ inline void store_chunk(const Tile& tile, const Outputs& out, Span columns, Span rows, int left, int top,
                                   int net_width, int net_height, bool with_confidence) {
  const int width = out.camera.width, height = out.camera.height;
  const float per_column = 1.0f / (2 * width), per_row = 1.0f / (2 * height);
  Group group;
  for (group.x = (columns.begin / GROUP + threadIdx.x % GROUP_LANES) * GROUP; group.x < columns.end;
       group.x += GROUP_LANES * GROUP) {
    group.begin = larger(0, columns.begin - group.x);
    group.end = smaller(GROUP, columns.end - group.x);
    int from[GROUP];
    for (int i = 0; i < GROUP; ++i)
      from[i] = clamped(quotient((2 * (group.x + i) + 1) * net_width, 2 * width, per_column) - left,
                        CHUNK_COLUMNS - 1);
    for (group.y = rows.begin + threadIdx.x / GROUP_LANES; group.y < rows.end;
         group.y += POST_THREADS / GROUP_LANES) {
      const int row = quotient((2 * group.y + 1) * net_height, 2 * height, per_row) - top;
      for (int i = 0; i < GROUP; ++i) {
        group.label[i] = tile.labels[row][from[i]];
        group.confidence[i] = with_confidence ? tile.confidence[row][from[i]] : 255;
      }
      store_pixels<LABELS_ALONE>(out, group);
    }
  }
}

#endif
