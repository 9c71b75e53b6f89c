// out[n, i] = silu(gate) * up, silu(x) = x / (1 + exp(-x)); gate = gateUp[n, i], up = gateUp[n, I + i]
// gateUp [N, 2 I]; out [N, I]. bf16 or float32, arithmetic float32. I a multiple of 8.
// Floor: 3 N I elements moved.
// Tolerance against the float32 formula: one rounding of the dtype; 1e-6 relative in float32.
#include "common.cuh"

struct Args {
  const void* gateUp;
  void* out;
  int rows;
  int width;
};
EXPORT_ARGS_SIZE

template <typename T>
__device__ __forceinline__ void siluMul(const Args& a) {
  constexpr int N = Vector<T>::N;
  const int vectors = a.width / N;
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vectors) {
    return;
  }
  for (int row = blockIdx.y; row < a.rows; row += gridDim.y) {
    const uint4* gate = (const uint4*)a.gateUp + (size_t)row * 2 * vectors + v;
    const uint4 rawGate = loadStream(gate);
    const uint4 rawUp = loadStream(gate + vectors);
    float x[N], y[N];
    Vector<T>::unpack(rawGate, x);
    Vector<T>::unpack(rawUp, y);
#pragma unroll
    for (int j = 0; j < N; j++) {
      x[j] = __fdividef(x[j], 1.f + __expf(-x[j])) * y[j];
    }
    ((uint4*)a.out)[(size_t)row * vectors + v] = Vector<T>::pack(x);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) silu_mul_bf16(const __grid_constant__ Args a) { siluMul<bf16>(a); }
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) silu_mul_f32(const __grid_constant__ Args a) { siluMul<float>(a); }
