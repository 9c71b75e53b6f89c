// rms_norm: out[n] = x[n] / sqrt(mean(x[n]^2) + eps) * weight
// rms_norm_residual: residual[n] += rms(branch[n], branchWeight), stored; out[n] = rms(residual[n], nextWeight)
// x, residual, branch, out [N, D]; weights [D]. bf16 or float32, arithmetic float32.
// D a multiple of 8, up to 8192 (float32) or 16384 (bf16).
// Floor: 2 N D (rms_norm) or 4 N D (rms_norm_residual) elements moved. A block holds one row in registers, 2 vectors per
// thread.
// Tolerance against the float32 formula: one rounding of the output dtype.
#include "common.cuh"

constexpr int kVectors = ROW_VECTORS;

struct Args {
  void* residual;      // null for rms_norm, which is of branch and nextWeight
  const void* branch;
  const void* branchWeight;
  const void* nextWeight;
  void* out;
  int width;
  float eps;
};
EXPORT_ARGS_SIZE

// x / sqrt(mean(x^2) + eps) * weight, in place, of the values that this thread holds.
template <typename T>
__device__ __forceinline__ void rmsNorm(float (&x)[kVectors][Vector<T>::N], const uint4* weight, int vectors, float inverseWidth,
                                        float eps, float* partial) {
  constexpr int N = Vector<T>::N;
  uint4 raw[kVectors];
  float squares = 0.f;
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    raw[i] = v < vectors ? __ldg(weight + v) : make_uint4(0, 0, 0, 0);
#pragma unroll
    for (int j = 0; j < N; j++) {
      squares += x[i][j] * x[i][j];
    }
  }
  const float inverse = rsqrtf(blockSum(squares, partial) * inverseWidth + eps);
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    float w[N];
    Vector<T>::unpack(raw[i], w);
#pragma unroll
    for (int j = 0; j < N; j++) {
      x[i][j] = x[i][j] * inverse * w[j];
    }
  }
}

template <typename T, bool RESIDUAL>
__device__ __forceinline__ void rmsNormResidual(const Args& a) {
  constexpr int N = Vector<T>::N;
  __shared__ float partial[2][32];
  const int vectors = a.width / N;
  const float inverseWidth = 1.f / a.width;
  const size_t row = (size_t)blockIdx.x * vectors;
  float x[kVectors][N];
  uint4 left[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    const uint4 raw = v < vectors ? loadStream((const uint4*)a.branch + row + v) : make_uint4(0, 0, 0, 0);
    if (RESIDUAL) {
      left[i] = v < vectors ? loadStream((const uint4*)a.residual + row + v) : make_uint4(0, 0, 0, 0);
    }
    Vector<T>::unpack(raw, x[i]);
  }
  if (RESIDUAL) {
    rmsNorm<T>(x, (const uint4*)a.branchWeight, vectors, inverseWidth, a.eps, partial[0]);
#pragma unroll
    for (int i = 0; i < kVectors; i++) {
      const int v = threadIdx.x + i * blockDim.x;
      float r[N];
      Vector<T>::unpack(left[i], r);
#pragma unroll
      for (int j = 0; j < N; j++) {
        r[j] += x[i][j];
      }
      const uint4 stored = Vector<T>::pack(r);
      if (v < vectors) {
        ((uint4*)a.residual)[row + v] = stored;
      }
      Vector<T>::unpack(stored, x[i]);  // the norm is that of the stored sum
    }
  }
  rmsNorm<T>(x, (const uint4*)a.nextWeight, vectors, inverseWidth, a.eps, partial[1]);
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    if (v < vectors) {
      ((uint4*)a.out)[row + v] = Vector<T>::pack(x[i]);
    }
  }
}

#define KERNEL(NAME, T, RESIDUAL) \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS) NAME(const __grid_constant__ Args a) { rmsNormResidual<T, RESIDUAL>(a); }
KERNEL(rms_norm_bf16, bf16, false)
KERNEL(rms_norm_f32, float, false)
KERNEL(rms_norm_residual_bf16, bf16, true)
KERNEL(rms_norm_residual_f32, float, true)
