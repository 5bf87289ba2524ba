// Pre- and post-processing, one pass each: only 8-bit images cross the bus, and no class is upsampled for more
// than the pixels where it may win.
//
// Their bytes and instructions: scripts/kernel_instructions and docs/gpu_inside.md, "Targets".
// The tile is one cell high so that all of these 585 blocks are resident at once on a large GPU.
#include "outputs.h"

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

enum { RESIDENT = 5 };  // blocks on a multiprocessor: 48 registers a thread

// The pixels of a tile are labelled chunk by chunk, and each chunk's output pixels written. With logits at 1/8
// and half-pixel centres a tile is one chunk; with aligned corners, whose cells are a little wider, mostly two.
template <bool LABELS_ALONE>
__device__ inline void postprocess_tile(const Logits& logits, const Axis& across, const Axis& down,
                                        int* status, const Outputs& out) {
  __shared__ Tile tile;
  DYNAMIC_SHARED(float, scores);
  const int first_cell = blockIdx.x * TILE_CELLS, cell_row = blockIdx.y;
  const int classes = logits.classes;
  const bool with_confidence = !LABELS_ALONE && (out.confidence || out.lowest > 0);
  const float factor = out.logit_factor;

  begin_tile(tile, across, down, first_cell, cell_row);
  const unsigned long long best = load_scores(logits, first_cell, cell_row, scores, status);
  __syncthreads();
  atomicMax(&tile.winners[threadIdx.x % NODES], best);
  __syncthreads();
  // Classes 16 below the winner, times the factor, cannot move an 8-bit confidence: _NEGLIGIBLE in postprocessing.py.
  find_candidates(tile, scores, classes, with_confidence ? 16.0f / factor : 0.0f, with_confidence);

  const Span x = tile.x, y = tile.y;
  for (int top = y.begin; top < y.end; top += CHUNK_ROWS)
    for (int left = x.begin; left < x.end; left += CHUNK_COLUMNS) {
      locate_chunk(tile, across, down, first_cell, {left, smaller(left + CHUNK_COLUMNS, x.end)},
                   {top, smaller(top + CHUNK_ROWS, y.end)}, out.camera.width, out.camera.height);
      __syncthreads();
      const Span columns = tile.output_x, rows = tile.output_y;
      label_strip(tile, scores, classes, threadIdx.x % CHUNK_COLUMNS, threadIdx.x / CHUNK_COLUMNS * STRIP,
                  with_confidence, factor);
      __syncthreads();
      // The next chunk's labels wait for all of this behind a barrier.
      store_chunk<LABELS_ALONE>(tile, out, columns, rows, left, top, across.network, down.network, with_confidence);
    }
}

// Labels and nothing else: fewer registers, so that all tiles of a large GPU run at once.
extern "C" __global__ void __launch_bounds__(POST_THREADS, RESIDENT)
label(const void* data, int half, int classes, int grid_width, int grid_height, int net_width, int net_height,
      int align_corners, int out_width, int out_height, Byte* labels, int* status) {
  const Logits logits = {data, half, classes, grid_width, grid_height};
  const Image camera = {0, out_width, out_height, 0, RGB};
  const Outputs out = {labels, 0, 0.0f, 0, 0, 0, 0, camera, 0, 0.0f, 0.0f, 0};
  postprocess_tile<true>(logits, axis_of(grid_width, net_width, align_corners),
                         axis_of(grid_height, net_height, align_corners), status, out);
}

// Labels and any of confidence, masks and overlay: the pointers that are not null.
extern "C" __global__ void __launch_bounds__(POST_THREADS)
postprocess(const void* data, int half, int classes, int grid_width, int grid_height, int net_width,
            int net_height, int align_corners, int out_width, int out_height, Byte* labels, Byte* confidence,
            int* status, float logit_factor, Byte* masks, const Byte* mask_ids, int mask_count, Byte* overlay,
            const Byte* source, int step, int layout, const Byte* palette, float image_share, float color_share,
            int lowest) {
  const Logits logits = {data, half, classes, grid_width, grid_height};
  const Image camera = {source, out_width, out_height, step, layout};
  const Outputs out = {labels, confidence, logit_factor, masks, mask_ids, mask_count, overlay, camera, palette,
                       image_share, color_share, lowest};
  postprocess_tile<false>(logits, axis_of(grid_width, net_width, align_corners),
                          axis_of(grid_height, net_height, align_corners), status, out);
}
