// Rows in e4m3 (4 exponent bits, 3 mantissa bits, largest 448) with a scale each.
#pragma once
#include "common.cuh"

constexpr float kLargestE4m3 = E4M3_LARGEST;
// The lower bound of a row's largest magnitude, so that a row of zeros does not divide by zero.
constexpr float kSmallestRow = E4M3_SMALLEST_ROW;

// Four floats to e4m3, to nearest even, the first in the lowest byte. Needs compute capability 8.9 and is never launched on
// older GPUs.
__device__ __forceinline__ unsigned packE4m3(float a, float b, float c, float d) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  unsigned short low, high;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(low) : "f"(b), "f"(a));
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(high) : "f"(d), "f"(c));
  return (unsigned)low | (unsigned)high << 16;
#else
  __trap();
  return 0;
#endif
}

// The maximum over a block of whole warps, in every thread, of numbers that are not negative. `partial` holds 32 floats;
// consecutive calls need different ones.
__device__ __forceinline__ float blockMax(float x, float* partial) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  }
  const int lane = threadIdx.x & 31;
  if (lane == 0) {
    partial[threadIdx.x >> 5] = x;
  }
  __syncthreads();
  x = lane < (blockDim.x >> 5) ? partial[lane] : 0.f;
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  }
  return x;
}

// Writes a row that a block holds, V vectors of N numbers per thread (zeros past the row's end): e4m3 to `out`, the row's
// scale to `scale`. Computes x * (448 / largest), not x / scale, as AtenQuantizeRows does.
template <int V, int N>
__device__ __forceinline__ void storeE4m3(const float (&x)[V][N], void* out, float* scale, int vectors, float* partial) {
  float largest = 0.f;
#pragma unroll
  for (int i = 0; i < V; i++) {
#pragma unroll
    for (int j = 0; j < N; j++) {
      largest = fmaxf(largest, fabsf(x[i][j]));
    }
  }
  largest = fmaxf(blockMax(largest, partial), kSmallestRow);
  const float factor = kLargestE4m3 / largest;
  if (threadIdx.x == 0) {
    *scale = largest / kLargestE4m3;
  }
#pragma unroll
  for (int i = 0; i < V; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    if (v < vectors) {
      unsigned packed[N / 4];
#pragma unroll
      for (int j = 0; j < N / 4; j++) {
        packed[j] = packE4m3(x[i][4 * j] * factor, x[i][4 * j + 1] * factor, x[i][4 * j + 2] * factor, x[i][4 * j + 3] * factor);
      }
      if constexpr (N == 8) {
        ((uint2*)out)[v] = make_uint2(packed[0], packed[1]);
      } else {
        ((unsigned*)out)[v] = packed[0];
      }
    }
  }
}
