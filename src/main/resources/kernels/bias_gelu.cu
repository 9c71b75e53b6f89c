// x[t] = gelu(x[t] + bias), in place, with the tanh approximation x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3))).
// x [T, F]; bias [F]. bf16 or float32, arithmetic float32. F a multiple of 8.
// Floor: 2 T F elements moved. A thread keeps its 16 bytes of the bias and goes down the rows.
// Tolerance against the float32 formula: one rounding of the dtype; in float32, 4e-7 of the input's magnitude.
#include "common.cuh"

constexpr int kUnroll = GELU_ROWS;

struct Args {
  void* x;
  const void* bias;
  int rows;
  int width;
};
EXPORT_ARGS_SIZE

__device__ __forceinline__ float geluTanh(float x) {
  const float u = 1.5957691216057308f * (x + 0.044715f * x * x * x);
  return __fdividef(x, 1.f + __expf(-u));
}

template <typename T>
__device__ __forceinline__ void biasGelu(const Args& a) {
  constexpr int N = Vector<T>::N;
  const int vectors = a.width / N;
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vectors) {
    return;
  }
  float b[N];
  Vector<T>::unpack(__ldg((const uint4*)a.bias + v), b);
  uint4* x = (uint4*)a.x + v;
  for (int first = blockIdx.y * kUnroll; first < a.rows; first += gridDim.y * kUnroll) {
    uint4 raw[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; u++) {
      if (first + u < a.rows) {
        raw[u] = loadStream(x + (size_t)(first + u) * vectors);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; u++) {
      if (first + u < a.rows) {
        float y[N];
        Vector<T>::unpack(raw[u], y);
#pragma unroll
        for (int j = 0; j < N; j++) {
          y[j] = geluTanh(y[j] + b[j]);
        }
        x[(size_t)(first + u) * vectors] = Vector<T>::pack(y);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) bias_gelu_bf16(const __grid_constant__ Args a) { biasGelu<bf16>(a); }
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) bias_gelu_f32(const __grid_constant__ Args a) { biasGelu<float>(a); }
