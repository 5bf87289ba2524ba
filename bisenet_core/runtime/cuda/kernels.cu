// Pre- and post-processing, one pass each: only 8-bit images cross the bus, and no class is upsampled for more
// than the pixels where it may win.
//
// The memory floor of postprocess, 19 classes, 1024x512 to 2048x1024: 0.31 MB of float16 logits read once and
// 2.1 MB of labels written, 2.4 MB: 0.5 us at 4.8 TB/s (H200), 40 us at 59.7 GB/s (Jetson TX2).
// What it computes: some 9 instructions for each output pixel (two table look-ups, packing, a fourth of a
// store), 40 for each of the cells' classes, and for each pixel of the network's input in a contested cell
// 6 for each candidate. With a fifth of the cells contested by three classes: 19 M + 6 M + 2 M instructions,
// 0.8 M by warps: 1 us on 132 x 4 schedulers at 1.8 GHz, 80 us on 2 x 4 at 1.3 GHz. Confidence adds 14 for
// each class and input pixel, 140 M in all. These are counts on paper: nothing was measured.
// The tile is one cell high so that all of these 585 blocks are resident at once on a large GPU.
#include "pixel_math.h"

#ifdef __CUDACC__
#define DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

// ---- preprocess

enum { IMAGE_TILE = 32, IMAGE_ROWS = 8, IMAGE_THREADS = IMAGE_TILE * IMAGE_ROWS };

__device__ inline void store_channel(void* target, size_t index, float value, int half) {
  if (half)
    ((unsigned short*)target)[index] = float_to_half(value);
  else
    ((float*)target)[index] = value;
}

// One 32x32 tile of the network's input. Double precision, slow on small GPUs, is needed once for each of the
// tile's rows and columns.
extern "C" __global__ void __launch_bounds__(IMAGE_THREADS)
preprocess(const Byte* source, int width, int height, int step, int layout, void* target, int net_width,
           int net_height, double scale_x, double scale_y, int bgr, int half, const float* tables) {
  __shared__ Tap columns[IMAGE_TILE], rows[IMAGE_TILE];
  __shared__ float normalised[3 * 256];
  const Image image = {source, width, height, step, layout};
  const int thread = threadIdx.y * IMAGE_TILE + threadIdx.x;
  const int left = blockIdx.x * IMAGE_TILE, top = blockIdx.y * IMAGE_TILE;
  if (thread < IMAGE_TILE)
    columns[thread] = resize_tap(left + thread, scale_x, width, true);
  else if (thread < 2 * IMAGE_TILE)
    rows[thread - IMAGE_TILE] = resize_tap(top + thread - IMAGE_TILE, scale_y, height, false);
  for (int i = thread; i < 3 * 256; i += IMAGE_THREADS) normalised[i] = tables[i];
  __syncthreads();

  const int x = left + threadIdx.x;
  if (x >= net_width) return;
  const size_t plane = (size_t)net_width * net_height;
  for (int row = threadIdx.y; row < IMAGE_TILE && top + row < net_height; row += IMAGE_ROWS) {
    const Color color = resized_pixel(image, columns[threadIdx.x], rows[row]);
    const size_t index = (size_t)(top + row) * net_width + x;
    store_channel(target, index, normalised[bgr ? color.blue : color.red], half);
    store_channel(target, index + plane, normalised[256 + color.green], half);
    store_channel(target, index + 2 * plane, normalised[512 + (bgr ? color.red : color.blue)], half);
  }
}

// ---- postprocess

enum {
  TILE_CELLS = 16, POST_THREADS = 256,
  NODE_COLUMNS = TILE_CELLS + 1, NODES = 2 * NODE_COLUMNS,  // logits at the corners of the tile's cells
  LANES = POST_THREADS / TILE_CELLS,                        // threads that look at one cell's classes
  CHUNK_COLUMNS = 128, STRIP = 4, CHUNK_ROWS = POST_THREADS / CHUNK_COLUMNS * STRIP,
  MASK_WORDS = 8, GROUP = 4, GROUP_LANES = 64,
  RESIDENT = 5  // blocks on a multiprocessor: 48 registers a thread
};

struct Logits {
  const void* data;
  int half, classes, width, height;
};

struct Outputs {
  Byte *labels, *confidence, *masks;
  const Byte* mask_ids;
  int mask_count;
  Byte* overlay;
  Image camera;
  const Byte* palette;
  float image_share, color_share;
  int lowest;  // smallest confidence that masks and overlay show
};

struct Span {
  int begin, end;
};

// What the threads of a block share. A class's scores at the tile's corners lie in `scores`, behind it.
struct Tile {
  unsigned long long winners[NODES];           // of each corner: key of the best score, then 255 - class
  unsigned floors[TILE_CELLS];                 // key of the largest of all classes' smallest corners
  unsigned candidates[TILE_CELLS][MASK_WORDS]; // classes that may win, or count for the confidence
  Position columns[CHUNK_COLUMNS];             // of the chunk's pixels; their cell counts from the tile's first
  float rows[CHUNK_ROWS];                      // weight of the lower corners
  Byte labels[CHUNK_ROWS][CHUNK_COLUMNS], confidence[CHUNK_ROWS][CHUNK_COLUMNS];
};

__device__ inline float logit_at(const Logits& logits, int class_id, int row, int column) {
  const size_t index = ((size_t)class_id * logits.height + row) * logits.width + column;
  return logits.half ? half_to_float(((const unsigned short*)logits.data)[index])
                     : ((const float*)logits.data)[index];
}

__device__ inline void clear_tile(Tile& tile) {
  const int thread = threadIdx.x;
  if (thread < NODES) tile.winners[thread] = 0;
  if (thread < TILE_CELLS) tile.floors[thread] = 0;
  if (thread < TILE_CELLS * MASK_WORDS) tile.candidates[thread / MASK_WORDS][thread % MASK_WORDS] = 0;
}

// Corner j of the tile lies at logit first_cell - 1 + j; beyond the border its logits are repeated.
__device__ inline void load_scores(const Logits& logits, int first_cell, int cell_row, float* scores,
                                   int* status) {
  bool finite = true;
  for (int i = threadIdx.x; i < NODES * logits.classes; i += POST_THREADS) {
    const int class_id = i / NODES, node = i % NODES;
    const int row = clamped(cell_row - 1 + node / NODE_COLUMNS, logits.height - 1);
    const int column = clamped(first_cell - 1 + node % NODE_COLUMNS, logits.width - 1);
    scores[i] = logit_at(logits, class_id, row, column);
    finite = finite && is_finite(scores[i]);
  }
  if (!finite && status) *status = 1;
}

__device__ inline void find_winners(Tile& tile, const float* scores, int classes) {
  const int cell = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  for (int i = threadIdx.x; i < NODES * classes; i += POST_THREADS)
    atomicMax(&tile.winners[i % NODES], (unsigned long long)ordered_key(scores[i]) << 8 | (255 - i / NODES));
  unsigned floor = 0;
  for (int class_id = lane; class_id < classes; class_id += LANES) {
    const float* corner = scores + class_id * NODES + cell;
    const float low = fminf(fminf(corner[0], corner[1]), fminf(corner[NODE_COLUMNS], corner[NODE_COLUMNS + 1]));
    floor = max(floor, ordered_key(low));
  }
  atomicMax(&tile.floors[cell], floor);
}

__device__ inline void find_candidates(Tile& tile, const float* scores, int classes, float margin) {
  const int cell = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const float floor = value_of_key(tile.floors[cell]) - margin;
  for (int class_id = lane; class_id < classes; class_id += LANES) {
    const float* corner = scores + class_id * NODES + cell;
    const float high = fmaxf(fmaxf(corner[0], corner[1]), fmaxf(corner[NODE_COLUMNS], corner[NODE_COLUMNS + 1]));
    if (high >= floor) atomicOr(&tile.candidates[cell][class_id / 32], 1u << class_id % 32);
  }
}

__device__ inline Byte winner_at(const Tile& tile, int node) {
  return (Byte)(255 - (tile.winners[node] & 255));
}

// Whether a cell's pixels must be computed one by one. For labels alone, equal corners settle it.
__device__ inline bool is_contested(const Tile& tile, int cell, bool with_confidence) {
  if (!with_confidence) {
    const Byte winner = winner_at(tile, cell);
    return winner != winner_at(tile, cell + 1) || winner != winner_at(tile, cell + NODE_COLUMNS) ||
           winner != winner_at(tile, cell + NODE_COLUMNS + 1);
  }
  int count = 0;
  for (int word = 0; word < MASK_WORDS; ++word) count += __popc(tile.candidates[cell][word]);
  return count > 1;
}

// The candidates of a cell in ascending order: next() is the class, or -1 behind the last.
struct Candidates {
  const unsigned* words;
  int word;
  unsigned bits;

  __device__ inline explicit Candidates(const unsigned* of_cell) : words(of_cell), word(0), bits(of_cell[0]) {}

  __device__ inline int next() {
    while (!bits) {
      if (++word == MASK_WORDS) return -1;
      bits = words[word];
    }
    const int class_id = 32 * word + __ffs((int)bits) - 1;
    bits &= bits - 1;
    return class_id;
  }
};

__device__ inline Column column_of(const float* scores, int class_id, int cell, float across) {
  const float* corner = scores + class_id * NODES + cell;
  return column_between(corner[0], corner[1], corner[NODE_COLUMNS], corner[NODE_COLUMNS + 1], across);
}

// 255 times the winner's probability in each pixel of a strip: 255 / sum of exp(score - best).
__device__ inline void strip_confidence(Tile& tile, const float* scores, const Position& column, int x, int first,
                                        const float* best) {
  float total[STRIP] = {0.0f, 0.0f, 0.0f, 0.0f};
  Candidates candidates(tile.candidates[column.cell]);
  for (int class_id; (class_id = candidates.next()) >= 0;) {
    const Column score = column_of(scores, class_id, column.cell, column.weight);
    for (int i = 0; i < STRIP; ++i)
      total[i] += expf(tile.rows[first + i] * score.difference + score.top - best[i]);
  }
  for (int i = 0; i < STRIP; ++i) tile.confidence[first + i][x] = to_byte((int)rintf(255.0f / total[i]));
}

// The winner, lowest id on a tie, in each of the STRIP pixels of a column from row `first` of the chunk.
__device__ inline void contested_strip(Tile& tile, const float* scores, const Position& column, int x, int first,
                                       bool with_confidence) {
  const float minus_infinity = bits_to_float(0xff800000u);  // NVRTC has no INFINITY
  float best[STRIP] = {minus_infinity, minus_infinity, minus_infinity, minus_infinity};
  int winner[STRIP] = {0, 0, 0, 0};
  Candidates candidates(tile.candidates[column.cell]);
  for (int class_id; (class_id = candidates.next()) >= 0;) {
    const Column score = column_of(scores, class_id, column.cell, column.weight);
    for (int i = 0; i < STRIP; ++i) {
      const float value = tile.rows[first + i] * score.difference + score.top;
      if (value > best[i]) winner[i] = class_id;
      best[i] = fmaxf(best[i], value);
    }
  }
  for (int i = 0; i < STRIP; ++i) tile.labels[first + i][x] = (Byte)winner[i];
  if (with_confidence) strip_confidence(tile, scores, column, x, first, best);
}

__device__ inline void label_strip(Tile& tile, const float* scores, int x, int first, bool with_confidence) {
  const Position column = tile.columns[x];
  if (is_contested(tile, column.cell, with_confidence)) {
    contested_strip(tile, scores, column, x, first, with_confidence);
    return;
  }
  const Byte winner = winner_at(tile, column.cell);
  for (int i = 0; i < STRIP; ++i) {
    tile.labels[first + i][x] = winner;
    tile.confidence[first + i][x] = 255;
  }
}

// ---- from labels of the network's size to those of the camera's

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

// The output pixels whose nearest pixel lies in the chunk of the network's input at columns x, rows y.
template <bool LABELS_ALONE>
__device__ inline void store_chunk(const Tile& tile, const Outputs& out, Span x, Span y, int net_width,
                                   int net_height, bool with_confidence) {
  const int width = out.camera.width, height = out.camera.height;
  const Span columns = {first_output(x.begin, net_width, width), first_output(x.end, net_width, width)};
  const Span rows = {first_output(y.begin, net_height, height), first_output(y.end, net_height, height)};
  const float per_column = 1.0f / (2 * width), per_row = 1.0f / (2 * height);
  Group group;
  for (group.x = (columns.begin / GROUP + threadIdx.x % GROUP_LANES) * GROUP; group.x < columns.end;
       group.x += GROUP_LANES * GROUP) {
    group.begin = larger(0, columns.begin - group.x);
    group.end = smaller(GROUP, columns.end - group.x);
    int from[GROUP];
    for (int i = 0; i < GROUP; ++i)
      from[i] = clamped(quotient((2 * (group.x + i) + 1) * net_width, 2 * width, per_column) - x.begin,
                        CHUNK_COLUMNS - 1);
    for (group.y = rows.begin + threadIdx.x / GROUP_LANES; group.y < rows.end;
         group.y += POST_THREADS / GROUP_LANES) {
      const int row = quotient((2 * group.y + 1) * net_height, 2 * height, per_row) - y.begin;
      for (int i = 0; i < GROUP; ++i) {
        group.label[i] = tile.labels[row][from[i]];
        group.confidence[i] = with_confidence ? tile.confidence[row][from[i]] : 255;
      }
      store_pixels<LABELS_ALONE>(out, group);
    }
  }
}

__device__ inline void locate_chunk(Tile& tile, const Logits& logits, int first_cell, int x, int y,
                                    int net_width, int net_height) {
  const int thread = threadIdx.x;
  if (thread < CHUNK_COLUMNS) {
    tile.columns[thread] = position_in_grid(smaller(x + thread, net_width - 1), logits.width, net_width);
    tile.columns[thread].cell = smaller(tile.columns[thread].cell - first_cell, TILE_CELLS - 1);
  } else if (thread < CHUNK_COLUMNS + CHUNK_ROWS) {
    const int row = thread - CHUNK_COLUMNS;
    tile.rows[row] = position_in_grid(smaller(y + row, net_height - 1), logits.height, net_height).weight;
  }
}

// One tile: 16x1 cells. Its pixels of the network's input are labelled chunk by chunk (one chunk, when the
// logits are at 1/8), and each chunk's output pixels written.
template <bool LABELS_ALONE>
__device__ inline void postprocess_tile(const Logits& logits, int net_width, int net_height, int* status,
                                        const Outputs& out) {
  __shared__ Tile tile;
  DYNAMIC_SHARED(float, scores);
  const int first_cell = blockIdx.x * TILE_CELLS, cell_row = blockIdx.y;
  const int classes = logits.classes, grid_width = logits.width, grid_height = logits.height;
  const bool with_confidence = !LABELS_ALONE && (out.confidence || out.lowest > 0);

  clear_tile(tile);
  load_scores(logits, first_cell, cell_row, scores, status);
  __syncthreads();
  find_winners(tile, scores, classes);
  __syncthreads();
  // Classes 16 below the winner cannot move an 8-bit confidence: _NEGLIGIBLE in upsampling.py.
  find_candidates(tile, scores, classes, with_confidence ? 16.0f : 0.0f);

  const Span x = {first_pixel(first_cell, grid_width, net_width),
                  first_pixel(first_cell + TILE_CELLS, grid_width, net_width)};
  const Span y = {first_pixel(cell_row, grid_height, net_height),
                  first_pixel(cell_row + 1, grid_height, net_height)};
  for (int top = y.begin; top < y.end; top += CHUNK_ROWS)
    for (int left = x.begin; left < x.end; left += CHUNK_COLUMNS) {
      const Span columns = {left, smaller(left + CHUNK_COLUMNS, x.end)};
      const Span rows = {top, smaller(top + CHUNK_ROWS, y.end)};
      locate_chunk(tile, logits, first_cell, left, top, net_width, net_height);
      __syncthreads();
      label_strip(tile, scores, threadIdx.x % CHUNK_COLUMNS, threadIdx.x / CHUNK_COLUMNS * STRIP,
                  with_confidence);
      __syncthreads();
      store_chunk<LABELS_ALONE>(tile, out, columns, rows, net_width, net_height, with_confidence);  // the next chunk's labels wait for all of this behind a barrier
    }
}

// Labels and nothing else: fewer registers, so that all tiles of a large GPU run at once.
extern "C" __global__ void __launch_bounds__(POST_THREADS, RESIDENT)
label(const void* data, int half, int classes, int grid_width, int grid_height, int net_width, int net_height,
      int out_width, int out_height, Byte* labels, int* status) {
  const Logits logits = {data, half, classes, grid_width, grid_height};
  const Image camera = {0, out_width, out_height, 0, RGB};
  const Outputs out = {labels, 0, 0, 0, 0, 0, camera, 0, 0.0f, 0.0f, 0};
  postprocess_tile<true>(logits, net_width, net_height, status, out);
}

// Labels and any of confidence, masks and overlay: the pointers that are not null.
extern "C" __global__ void __launch_bounds__(POST_THREADS)
postprocess(const void* data, int half, int classes, int grid_width, int grid_height, int net_width,
            int net_height, int out_width, int out_height, Byte* labels, Byte* confidence, int* status,
            Byte* masks, const Byte* mask_ids, int mask_count, Byte* overlay, const Byte* source, int step,
            int layout, const Byte* palette, float image_share, float color_share, int lowest) {
  const Logits logits = {data, half, classes, grid_width, grid_height};
  const Image camera = {source, out_width, out_height, step, layout};
  const Outputs out = {labels, confidence, masks, mask_ids, mask_count, overlay, camera, palette, image_share,
                       color_share, lowest};
  postprocess_tile<false>(logits, net_width, net_height, status, out);
}
