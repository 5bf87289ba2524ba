// One tile of the network's output, 16x1 cells, in the shared memory of a block: which classes may win in each
// cell, and the label of every pixel of the network's input in it, as LogitUpsampler of postprocessing.py
// finds them.
#ifndef BISENET_TILE_H
#define BISENET_TILE_H

#include "pixel_math.h"

enum {
  TILE_CELLS = 16, POST_THREADS = 256,
  NODE_COLUMNS = TILE_CELLS + 1, NODES = 2 * NODE_COLUMNS,  // logits at the corners of the tile's cells
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
  Candidates candidates(tile.candidates[column.cell], classes);
  for (int class_id; (class_id = candidates.next()) >= 0;) {
    const Column score = column_of(scores, class_id, column.cell, column.weight);
    for (int i = 0; i < STRIP; ++i) {
      const float value = tile.rows[first + i] * score.difference + score.top;
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
    tile.confidence[first + i][x] = 255;
  }
}

__device__ inline void locate_chunk(Tile& tile, const Axis& across, const Axis& down, int first_cell, int x,
                                    int y) {
  const int thread = threadIdx.x;
  if (thread < CHUNK_COLUMNS) {
    tile.columns[thread] = position_in_grid(smaller(x + thread, across.network - 1), across);
    tile.columns[thread].cell = smaller(tile.columns[thread].cell - first_cell, TILE_CELLS - 1);
  } else if (thread < CHUNK_COLUMNS + CHUNK_ROWS) {
    const int row = thread - CHUNK_COLUMNS;
    tile.rows[row] = position_in_grid(smaller(y + row, down.network - 1), down).weight;
  }
}

#endif
