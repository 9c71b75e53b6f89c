// out[r, 2 w + i] = x[r', w] with r' = r / 2, for i = 0 and 1: every pixel of an image whose channels are last becomes 2 x 2
// x [R, W, V] of 16-byte vectors: R the rows of all images, V the vectors of a pixel; out [2 R, 2 W, V]. bf16 or float32.
// Floor: every element is read once and written four times.
// Exact.
#include "common.cuh"

struct Args {
  const void* x;
  void* out;
  int rows;
  int width;
  int vectors;
};
EXPORT_ARGS_SIZE

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) upsample_nearest(const __grid_constant__ Args a) {
  const int at = blockIdx.x * BLOCK_THREADS + threadIdx.x;
  const int length = a.width * a.vectors;
  if (at >= length) {
    return;
  }
  const int pixel = at / a.vectors;
  const int left = at + pixel * a.vectors;  // (2 pixel) vectors + v
  for (int row = blockIdx.y; row < a.rows; row += gridDim.y) {
    const uint4 value = loadStream((const uint4*)a.x + (size_t)row * length + at);
    uint4* upper = (uint4*)a.out + (size_t)row * 4 * length + left;
    uint4* lower = upper + 2 * (size_t)length;
    upper[0] = value;
    upper[a.vectors] = value;
    lower[0] = value;
    lower[a.vectors] = value;
  }
}
