// One tile of the network's output, 16x1 cells, in the shared memory of a block: which classes may win in each
// cell, and the label of every pixel of the network's input in it, as LogitUpsampler of postprocessing.py
// finds them.
#ifndef BISENET_TILE_H
#define BISENET_TILE_H

#include "pixel_math.h"

enum {
  TILE_CELLS = 16, POST_THREADS = 256,
  NODE_COLUMNS = TILE_CELLS + 1, NODES = 2 * NODE_COLUMNS,  // logits at the corners of the tile's cells
  LOADED = POST_THREADS / NODES,                            // classes whose logits are loaded at once
  LANES = POST_THREADS / TILE_CELLS,                        // threads that look at one cell's classes
  CHUNK_COLUMNS = 128, STRIP = 4, CHUNK_ROWS = POST_THREADS / CHUNK_COLUMNS * STRIP,
  MASK_WORDS = 8
};

struct Logits {
  const void* data;
  int half, classes, width, height;
};

struct Span {
  int begin, end;
};

// What the threads of a block share. A class's scores at the tile's corners lie in `scores`, behind it.
struct Tile {
  unsigned long long winners[NODES];           // of each corner: key of the best score, then 255 - class
  unsigned candidates[TILE_CELLS][MASK_WORDS]; // classes that may win, or count for the confidence
  Position columns[CHUNK_COLUMNS];             // of the chunk's pixels; their cell counts from the tile's first
  float rows[CHUNK_ROWS];                      // weight of the lower corners
  Span x, y, output_x, output_y;               // of the tile in the network's input, of the chunk in the output
  Byte labels[CHUNK_ROWS][CHUNK_COLUMNS], confidence[CHUNK_ROWS][CHUNK_COLUMNS];
};

__device__ inline float logit_at(const Logits& logits, size_t index) {
  return logits.half ? half_to_float(((const unsigned short*)logits.data)[index])
                     : ((const float*)logits.data)[index];
}

// The spans are one thread's work, as divisions are many instructions.
__device__ inline void begin_tile(Tile& tile, const Axis& across, const Axis& down, int first_cell, int cell_row) {
  const int thread = threadIdx.x;
  if (thread == POST_THREADS - 1) {
    tile.x = {first_pixel(first_cell, across), first_pixel(first_cell + TILE_CELLS, across)};
    tile.y = {first_pixel(cell_row, down), first_pixel(cell_row + 1, down)};
  }
  if (thread < NODES) tile.winners[thread] = 0;
  if (thread < TILE_CELLS * MASK_WORDS) tile.candidates[thread / MASK_WORDS][thread % MASK_WORDS] = 0;
}

// Corner j of the tile lies at logit first_cell - 1 + j; beyond the border its logits are repeated. A thread has
// one corner of every LOADED-th class: returns the best of them as Tile::winners has it.
__device__ inline unsigned long long load_scores(const Logits& logits, int first_cell, int cell_row, float* scores,
                                                 int* status) {
  const int node = threadIdx.x % NODES, first = threadIdx.x / NODES;
  const int row = clamped(cell_row - 1 + node / NODE_COLUMNS, logits.height - 1);
  const int column = clamped(first_cell - 1 + node % NODE_COLUMNS, logits.width - 1);
  const size_t plane = (size_t)logits.width * logits.height;
  size_t index = first * plane + (size_t)row * logits.width + column;
  unsigned long long best = 0;
  bool finite = true;
  if (first == LOADED) return 0;  // the last few threads have no corner
  for (int class_id = first; class_id < logits.classes; class_id += LOADED, index += LOADED * plane) {
    const float score = logit_at(logits, index);
    scores[class_id * NODES + node] = score;
    finite = finite && is_finite(score);
    best = max(best, (unsigned long long)ordered_key(score) << 8 | (255 - class_id));
  }
  if (!finite && status) *status = 1;
  return best;
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

__device__ inline float lowest_corner(const float* scores, int class_id, int cell) {
  const float* corner = scores + class_id * NODES + cell;
  return fminf(fminf(corner[0], corner[1]), fminf(corner[NODE_COLUMNS], corner[NODE_COLUMNS + 1]));
}

// The classes that come as high as the best of the corners' winners does in all of the cell.
__device__ inline void find_candidates(Tile& tile, const float* scores, int classes, float margin,
                                       bool with_confidence) {
  const int cell = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  if (!with_confidence && !is_contested(tile, cell, false)) return;
  float floor = lowest_corner(scores, winner_at(tile, cell), cell);
  for (int i = 1; i < 4; ++i)
    floor = fmaxf(floor, lowest_corner(scores, winner_at(tile, cell + i / 2 * NODE_COLUMNS + i % 2), cell));
  for (int class_id = lane; class_id < classes; class_id += LANES) {
    const float* corner = scores + class_id * NODES + cell;
    const float high = fmaxf(fmaxf(corner[0], corner[1]), fmaxf(corner[NODE_COLUMNS], corner[NODE_COLUMNS + 1]));
    if (high >= floor - margin) atomicOr(&tile.candidates[cell][class_id / 32], 1u << class_id % 32);
  }
}

// The candidates of a cell in ascending order: next() is the class, or -1 behind the last.
struct Candidates {
  const unsigned* words;
  int word, count;
  unsigned bits;

  __device__ inline Candidates(const unsigned* of_cell, int classes)
      : words(of_cell), word(0), count((classes + 31) / 32), bits(of_cell[0]) {}

  __device__ inline int next() {
    while (!bits) {
      if (++word >= count) return -1;
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

// 255 times the winner's probability in each pixel of a strip: 255 / sum of exp(factor * (score - best)).
__device__ inline void strip_confidence(Tile& tile, const float* scores, const Position& column, int classes, int x,
                                        int first, const float* best, float factor) {
  float total[STRIP] = {0.0f, 0.0f, 0.0f, 0.0f};
  Candidates candidates(tile.candidates[column.cell], classes);
  for (int class_id; (class_id = candidates.next()) >= 0;) {
    const Column score = column_of(scores, class_id, column.cell, column.weight);
    for (int i = 0; i < STRIP; ++i)
      total[i] += expf(factor * (tile.rows[first + i] * score.difference + score.top - best[i]));
  }
  for (int i = 0; i < STRIP; ++i) tile.confidence[first + i][x] = to_byte((int)rintf(255.0f / total[i]));
}

// The winner, lowest id on a tie, in each of the STRIP pixels of a column from row `first` of the chunk.
__device__ inline void contested_strip(Tile& tile, const float* scores, const Position& column, int classes, int x,
                                       int first, bool with_confidence, float factor) {
  const float minus_infinity = __uint_as_float(0xff800000u);  // NVRTC has no INFINITY
  float best[STRIP] = {minus_infinity, minus_infinity, minus_infinity, minus_infinity};
  int winner[STRIP] = {0, 0, 0, 0};
  float weights[STRIP];
  for (int i = 0; i < STRIP; ++i) weights[i] = tile.rows[first + i];
  Candidates candidates(tile.candidates[column.cell], classes);
  for (int class_id; (class_id = candidates.next()) >= 0;) {
    const Column score = column_of(scores, class_id, column.cell, column.weight);
    for (int i = 0; i < STRIP; ++i) {
      const float value = weights[i] * score.difference + score.top;
      if (value > best[i]) winner[i] = class_id;
      best[i] = fmaxf(best[i], value);
    }
  }
  for (int i = 0; i < STRIP; ++i) tile.labels[first + i][x] = (Byte)winner[i];
  if (with_confidence) strip_confidence(tile, scores, column, classes, x, first, best, factor);
}

__device__ inline void label_strip(Tile& tile, const float* scores, int classes, int x, int first,
                                   bool with_confidence, float factor) {
  const Position column = tile.columns[x];
  if (is_contested(tile, column.cell, with_confidence)) {
    contested_strip(tile, scores, column, classes, x, first, with_confidence, factor);
    return;
  }
  const Byte winner = winner_at(tile, column.cell);
  for (int i = 0; i < STRIP; ++i) {
    tile.labels[first + i][x] = winner;
    if (with_confidence) tile.confidence[first + i][x] = 255;
  }
}

__device__ inline void locate_chunk(Tile& tile, const Axis& across, const Axis& down, int first_cell, const Span& x,
                                    const Span& y, int out_width, int out_height) {
  const int thread = threadIdx.x;
  if (thread == POST_THREADS - 1) {
    tile.output_x = {first_output(x.begin, across.network, out_width), first_output(x.end, across.network, out_width)};
    tile.output_y = {first_output(y.begin, down.network, out_height), first_output(y.end, down.network, out_height)};
  }
  if (thread < CHUNK_COLUMNS) {
    tile.columns[thread] = position_in_grid(smaller(x.begin + thread, across.network - 1), across);
    tile.columns[thread].cell = smaller(tile.columns[thread].cell - first_cell, TILE_CELLS - 1);
  } else if (thread < CHUNK_COLUMNS + CHUNK_ROWS) {
    const int row = thread - CHUNK_COLUMNS;
    tile.rows[row] = position_in_grid(smaller(y.begin + row, down.network - 1), down).weight;
  }
}

#endif
