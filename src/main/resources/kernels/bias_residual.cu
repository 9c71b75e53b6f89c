// x[p, c] += bias[c] + residual[p, c]
// x, residual [P, C]; bias [C]. bf16 or float32, arithmetic float32. C a multiple of 8, up to 1024 (float32) or 2048 (bf16).
// Floor: 3 P C elements moved. A thread takes 16 bytes of some positions of a chunk.
// Tolerance against the float32 formula: one rounding of the dtype.
#include "common.cuh"

// Positions whose loads a thread starts at once.
constexpr int kRows = NORM_ROWS;

struct Args {
  void* x;
  const void* bias;
  const void* residual;
  int positions;
  int channels;
  int chunk;  // positions of a block
};
EXPORT_ARGS_SIZE

template <typename T>
__device__ __forceinline__ uint4 sum(uint4 left, uint4 right, const float (&bias)[Vector<T>::N]) {
  float x[Vector<T>::N], y[Vector<T>::N];
  Vector<T>::unpack(left, x);
  Vector<T>::unpack(right, y);
#pragma unroll
  for (int j = 0; j < Vector<T>::N; j++) {
    x[j] = x[j] + bias[j] + y[j];
  }
  return Vector<T>::pack(x);
}

template <typename T>
__device__ __forceinline__ void biasResidual(const Args& a) {
  constexpr int N = Vector<T>::N;
  const int vectors = a.channels / N;
  const int rows = BLOCK_THREADS / vectors;  // positions that the block takes at once
  const int row = threadIdx.x / vectors;
  const int v = threadIdx.x - row * vectors;
  if (row >= rows) {
    return;
  }
  float bias[N];
  Vector<T>::unpack(__ldg((const uint4*)a.bias + v), bias);
  uint4* x = (uint4*)a.x + v;
  const uint4* residual = (const uint4*)a.residual + v;
  const int end = min((int)(blockIdx.x + 1) * a.chunk, a.positions);
  int p = blockIdx.x * a.chunk + row;
  for (; p + (kRows - 1) * rows < end; p += kRows * rows) {
    uint4 left[kRows], right[kRows];
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      left[i] = loadStream(x + (size_t)(p + i * rows) * vectors);
      right[i] = loadStream(residual + (size_t)(p + i * rows) * vectors);
    }
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      x[(size_t)(p + i * rows) * vectors] = sum<T>(left[i], right[i], bias);
    }
  }
  for (; p < end; p += rows) {
    const size_t at = (size_t)p * vectors;
    x[at] = sum<T>(loadStream(x + at), loadStream(residual + at), bias);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) bias_residual_bf16(const __grid_constant__ Args a) { biasResidual<bf16>(a); }
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) bias_residual_f32(const __grid_constant__ Args a) { biasResidual<float>(a); }
