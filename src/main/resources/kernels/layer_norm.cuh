// Layer norm without weights of one row that a block holds in registers, kVectors vectors per thread.
#pragma once
#include "e4m3.cuh"

constexpr int kVectors = ROW_VECTORS;

// Computes norm * (1 + scale) + shift of a row and writes it to row `index` of `out`: as T, or as e4m3 with its scale in
// `outScale`. All rows of one kind share scale and shift.
template <typename T, bool E4M3>
__device__ __forceinline__ void normalise(const uint4 (&row)[kVectors], const uint4 (&scale)[kVectors],
                                          const uint4 (&shift)[kVectors], void* out, float* outScale, int index, int vectors,
                                          float inverseWidth, float eps, float (&partial)[3][32]) {
  constexpr int N = Vector<T>::N;
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    float x[N];
    Vector<T>::unpack(row[i], x);  // zeros past the row's end
#pragma unroll
    for (int j = 0; j < N; j++) {
      sum += x[j];
    }
  }
  const float mean = blockSum(sum, partial[0]) * inverseWidth;
  float squares = 0.f;
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    if (threadIdx.x + i * blockDim.x < vectors) {
      float x[N];
      Vector<T>::unpack(row[i], x);
#pragma unroll
      for (int j = 0; j < N; j++) {
        squares += (x[j] - mean) * (x[j] - mean);
      }
    }
  }
  const float inverse = rsqrtf(blockSum(squares, partial[1]) * inverseWidth + eps);
  float y[kVectors][N];
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
#pragma unroll
    for (int j = 0; j < N; j++) {
      y[i][j] = 0.f;
    }
    if (v < vectors) {
      float x[N], a[N], b[N];
      Vector<T>::unpack(row[i], x);
      Vector<T>::unpack(scale[i], a);
      Vector<T>::unpack(shift[i], b);
#pragma unroll
      for (int j = 0; j < N; j++) {
        y[i][j] = (x[j] - mean) * inverse * (1.f + a[j]) + b[j];
      }
      if (!E4M3) {
        ((uint4*)out)[(size_t)index * vectors + v] = Vector<T>::pack(y[i]);
      }
    }
  }
  if (E4M3) {
    storeE4m3(y, (char*)out + (size_t)index * vectors * N, outScale + index, vectors, partial[2]);
  }
}

// This thread's vectors of a row; zeros past its end.
__device__ __forceinline__ void loadRow(const uint4* row, int vectors, uint4 (&out)[kVectors]) {
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    out[i] = v < vectors ? loadStream(row + v) : make_uint4(0, 0, 0, 0);
  }
}

// As loadRow, for a vector that many rows share.
__device__ __forceinline__ void loadShared(const uint4* row, int vectors, uint4 (&out)[kVectors]) {
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    out[i] = v < vectors ? __ldg(row + v) : make_uint4(0, 0, 0, 0);
  }
}
