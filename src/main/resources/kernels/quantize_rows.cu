// quantize_rows: y[t] = x[t]; gelu_quantize_rows: y[t] = gelu(x[t]) (tanh approximation, see bias_gelu.cu);
// silu_mul_quantize_rows: y[t, k] = silu(x[t, k]) * x[t, K + k]
// scale[t] = max|y[t]| / 448; out[t] = e4m3(y[t] * (448 / max|y[t]|)), to nearest even
// x [T, K] ([T, 2 K] for silu_mul) bf16 or float32; out [T, K] e4m3; scale [T] float32. Arithmetic float32.
// K a multiple of 8, up to 8192 (float32) or 16384 (bf16). A block holds one row in registers, 2 vectors per thread.
// Floor: T K elements read (2 T K for silu_mul), T K bytes written.
// Tolerance against the float32 formula: the neighbouring e4m3 number if y is close to the middle between two.
#include "e4m3.cuh"

constexpr int kVectors = ROW_VECTORS;

struct Args {
  const void* x;
  void* out;
  float* scale;
  int width;
};
EXPORT_ARGS_SIZE

enum Operation { ROWS, GELU, SILU_MUL };

__device__ __forceinline__ float geluTanh(float x) {
  const float u = 1.5957691216057308f * (x + 0.044715f * x * x * x);
  return __fdividef(x, 1.f + __expf(-u));
}

template <typename T, int OPERATION>
__device__ __forceinline__ void quantizeRows(const Args& a) {
  constexpr int N = Vector<T>::N;
  __shared__ float partial[32];
  const int vectors = a.width / N;
  const uint4* x = (const uint4*)a.x + (size_t)blockIdx.x * vectors * (OPERATION == SILU_MUL ? 2 : 1);
  uint4 raw[kVectors], up[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    const int v = threadIdx.x + i * blockDim.x;
    raw[i] = v < vectors ? loadStream(x + v) : make_uint4(0, 0, 0, 0);
    if (OPERATION == SILU_MUL) {
      up[i] = v < vectors ? loadStream(x + vectors + v) : make_uint4(0, 0, 0, 0);
    }
  }
  float y[kVectors][N];
#pragma unroll
  for (int i = 0; i < kVectors; i++) {
    Vector<T>::unpack(raw[i], y[i]);
    float u[N];
    if (OPERATION == SILU_MUL) {
      Vector<T>::unpack(up[i], u);
    }
#pragma unroll
    for (int j = 0; j < N; j++) {
      if (OPERATION == GELU) {
        y[i][j] = geluTanh(y[i][j]);
      } else if (OPERATION == SILU_MUL) {
        y[i][j] = __fdividef(y[i][j], 1.f + __expf(-y[i][j])) * u[j];
      }
    }
  }
  storeE4m3(y, (char*)a.out + (size_t)blockIdx.x * a.width, a.scale + blockIdx.x, vectors, partial);
}

#define KERNEL(NAME, T, OPERATION) \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS) NAME(const __grid_constant__ Args a) { quantizeRows<T, OPERATION>(a); }
KERNEL(quantize_rows_bf16, bf16, ROWS)
KERNEL(quantize_rows_f32, float, ROWS)
KERNEL(gelu_quantize_rows_bf16, bf16, GELU)
KERNEL(gelu_quantize_rows_f32, float, GELU)
KERNEL(silu_mul_quantize_rows_bf16, bf16, SILU_MUL)
KERNEL(silu_mul_quantize_rows_f32, float, SILU_MUL)
