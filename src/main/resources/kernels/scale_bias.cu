// x[t, n] = x[t, n] * rows[t] * columns[n] + bias[n], in place: completes a product of e4m3 operands without scales.
// x [T, N]; rows [T], columns [N] float32; bias [N] or null. x and bias bf16 or float32, arithmetic float32. N a multiple
// of 8.
// Floor: 2 T N elements moved. A thread keeps the scales and the bias of its columns and goes down the rows.
// Tolerance against the float32 formula: one rounding of the dtype.
#include "common.cuh"

struct Args {
  void* x;
  const float* rows;
  const float* columns;
  const void* bias;
  int height;
  int width;
};
EXPORT_ARGS_SIZE

template <typename T>
__device__ __forceinline__ void scaleBias(const Args& a) {
  constexpr int N = Vector<T>::N;
  const int vectors = a.width / N;
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vectors) {
    return;
  }
  float b[N] = {}, c[N];
  if (a.bias) {
    Vector<T>::unpack(__ldg((const uint4*)a.bias + v), b);
  }
#pragma unroll
  for (int j = 0; j < N; j++) {
    c[j] = __ldg(a.columns + (size_t)v * N + j);
  }
  uint4* x = (uint4*)a.x + v;
  for (int row = blockIdx.y; row < a.height; row += gridDim.y) {
    const float r = __ldg(a.rows + row);
    float y[N];
    Vector<T>::unpack(loadStream(x + (size_t)row * vectors), y);
#pragma unroll
    for (int j = 0; j < N; j++) {
      y[j] = y[j] * r * c[j] + b[j];
    }
    x[(size_t)row * vectors] = Vector<T>::pack(y);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) scale_bias_bf16(const __grid_constant__ Args a) { scaleBias<bf16>(a); }
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) scale_bias_f32(const __grid_constant__ Args a) { scaleBias<float>(a); }
