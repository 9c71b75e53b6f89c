// residual[t] += gate[kind[t]] * branch[t], stored; out[t] = adaptive layer norm of the stored sum (ada_layer_norm.cu).
// residual, branch, out [T, D]; gate, scale, shift [2, D]; kind [T] int32. bf16 or float32, arithmetic float32.
// Entries _e4m3 write out as e4m3 (1 byte per element) with outScale [T] float32 (quantize_rows.cu), from the float32 values.
// D a multiple of 8, up to 8192 (float32) or 16384 (bf16).
// Floor: 4 T D elements moved.
// Tolerance against the float32 formula: one rounding of the output dtype.
#include "layer_norm.cuh"

struct Args {
  void* residual;
  const void* branch;
  const void* gate;
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
__device__ __forceinline__ void gatedResidualAdaLayerNorm(const Args& a) {
  constexpr int N = Vector<T>::N;
  __shared__ float partial[3][32];
  const int vectors = a.width / N;
  const float inverseWidth = 1.f / a.width;
  const uint4* branch = (const uint4*)a.branch;
  uint4* residual = (uint4*)a.residual;
  int row = blockIdx.x * a.rowsPerBlock;
  const int end = min(row + a.rowsPerBlock, a.rows);
  uint4 left[kVectors], right[kVectors];
  loadRow(residual + (size_t)row * vectors, vectors, left);
  loadRow(branch + (size_t)row * vectors, vectors, right);
  for (; row < end; row++) {
    const int kind = a.kind[row];
    uint4 sum[kVectors];
#pragma unroll
    for (int i = 0; i < kVectors; i++) {
      const int v = threadIdx.x + i * blockDim.x;
      sum[i] = make_uint4(0, 0, 0, 0);
      if (v < vectors) {
        float x[N], y[N], g[N];
        Vector<T>::unpack(left[i], x);
        Vector<T>::unpack(right[i], y);
        Vector<T>::unpack(__ldg((const uint4*)a.gate + (size_t)kind * vectors + v), g);
#pragma unroll
        for (int j = 0; j < N; j++) {
          x[j] += g[j] * y[j];
        }
        sum[i] = Vector<T>::pack(x);
        residual[(size_t)row * vectors + v] = sum[i];
      }
    }
    if (row + 1 < end) {
      loadRow(residual + (size_t)(row + 1) * vectors, vectors, left);
      loadRow(branch + (size_t)(row + 1) * vectors, vectors, right);
    }
    // L1 keeps these for the following rows; keeping them in registers would cost more.
    uint4 scale[kVectors], shift[kVectors];
    loadShared((const uint4*)a.scale + (size_t)kind * vectors, vectors, scale);
    loadShared((const uint4*)a.shift + (size_t)kind * vectors, vectors, shift);
    normalise<T, E4M3>(sum, scale, shift, a.out, a.outScale, row, vectors, inverseWidth, a.eps, partial);
  }
}

#define KERNEL(NAME, T, E4M3)                                                                     \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS) NAME(const __grid_constant__ Args a) { \
    gatedResidualAdaLayerNorm<T, E4M3>(a);                                                        \
  }
KERNEL(gated_residual_ada_layer_norm_bf16, bf16, false)
KERNEL(gated_residual_ada_layer_norm_f32, float, false)
KERNEL(gated_residual_ada_layer_norm_bf16_e4m3, bf16, true)
KERNEL(gated_residual_ada_layer_norm_f32_e4m3, float, true)
