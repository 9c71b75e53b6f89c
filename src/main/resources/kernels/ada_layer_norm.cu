// out[t] = (x[t] - mean) / sqrt(var + eps) * (1 + scale[kind[t]]) + shift[kind[t]]
// x, out [T, D]; scale, shift [2, D]; kind [T] int32. bf16 or float32, statistics float32.
// Entries _e4m3 write out as e4m3 (1 byte per element) with outScale [T] float32 (quantize_rows.cu), from the float32 values.
// D a multiple of 8, up to 8192 (float32) or 16384 (bf16).
// Floor: 2 T D elements moved. A block has D / (2 vectors) threads and takes `rowsPerBlock` rows in turn. It loads the next
// row before it reduces the current one.
// Tolerance against the float32 formula: one rounding of the output dtype.
#include "layer_norm.cuh"

struct Args {
  const void* x;
  const void* scale;
  const void* shift;
  const int* kind;
  void* out;
  float* outScale;  // null unless out is e4m3
  int rows;
  int width;
  int rowsPerBlock;
  float eps;
};
EXPORT_ARGS_SIZE

template <typename T, bool E4M3>
__device__ __forceinline__ void adaLayerNorm(const Args& a) {
  __shared__ float partial[3][32];
  const int vectors = a.width / Vector<T>::N;
  const float inverseWidth = 1.f / a.width;
  const uint4* x = (const uint4*)a.x;
  int row = blockIdx.x * a.rowsPerBlock;
  const int end = min(row + a.rowsPerBlock, a.rows);
  uint4 current[kVectors], scale[kVectors], shift[kVectors];
  loadRow(x + (size_t)row * vectors, vectors, current);
  int loadedKind = -1;
  for (; row < end; row++) {
    const int kind = a.kind[row];
    if (kind != loadedKind) {
      loadShared((const uint4*)a.scale + (size_t)kind * vectors, vectors, scale);
      loadShared((const uint4*)a.shift + (size_t)kind * vectors, vectors, shift);
      loadedKind = kind;
    }
    uint4 next[kVectors] = {};
    if (row + 1 < end) {
      loadRow(x + (size_t)(row + 1) * vectors, vectors, next);
    }
    normalise<T, E4M3>(current, scale, shift, a.out, a.outScale, row, vectors, inverseWidth, a.eps, partial);
#pragma unroll
    for (int i = 0; i < kVectors; i++) {
      current[i] = next[i];
    }
  }
}

#define KERNEL(NAME, T, E4M3) \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS) NAME(const __grid_constant__ Args a) { adaLayerNorm<T, E4M3>(a); }
KERNEL(ada_layer_norm_bf16, bf16, false)
KERNEL(ada_layer_norm_f32, float, false)
KERNEL(ada_layer_norm_bf16_e4m3, bf16, true)
KERNEL(ada_layer_norm_f32_e4m3, float, true)
