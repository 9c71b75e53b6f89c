// Of qkv [T, 3, H, d]: layer norm without weights over d of every head of query and key, then rotation of the rows that
// have angles, by halves: (a, b) -> (a cos - b sin, b cos + a sin). Writes query to query [T, H, d], key and value to the
// destinations [rows, H, d] of their sequence.
// cos, sin [I, d / 2] float32; rotaryRow [T] int32: the row's angles, or -1. bf16 or float32, arithmetic float32.
// d 16, 32, 64 or 128.
// Floor: 6 T H d elements moved. A block takes one row. The d elements of a head are in d / N neighbouring lanes, so norm
// and rotation are shuffles within a warp.
// Tolerance against the float32 formula: one rounding of the output dtype.
#include "common.cuh"

constexpr int kSequences = QK_SEQUENCES;
constexpr int kUnroll = 4;

struct Args {
  const void* qkv;
  const int* rotaryRow;
  const float* cos;
  const float* sin;
  void* query;
  void* key[kSequences];
  void* value[kSequences];
  int offset[kSequences + 1];  // first row of every sequence, then the row after the last
  int sequences;
  int heads;
  float eps;
};
EXPORT_ARGS_SIZE

template <typename T, int D>
__device__ __forceinline__ void qkNormRotary(const Args& a) {
  constexpr int N = Vector<T>::N;
  constexpr int kLanes = D / N;  // of one head
  const int row = a.offset[0] + blockIdx.x;
  int sequence = 0;
#pragma unroll
  for (int s = 1; s < kSequences; s++) {
    sequence += s < a.sequences && row >= a.offset[s];
  }
  const int vectors = a.heads * kLanes;  // of a third of the row
  const size_t local = (size_t)(row - a.offset[sequence]) * vectors;
  uint4* query = (uint4*)a.query + (size_t)row * vectors;
  uint4* key = (uint4*)a.key[sequence] + local;
  uint4* value = (uint4*)a.value[sequence] + local;
  const uint4* in = (const uint4*)a.qkv + (size_t)row * 3 * vectors;

  // The block's size is a multiple of kLanes, so a thread has the same elements of every head.
  const int lane = threadIdx.x % kLanes;
  const int angles = a.rotaryRow[row];
  float c[N], s[N];
#pragma unroll
  for (int j = 0; j < N; j++) {
    c[j] = 1.f;
    s[j] = 0.f;
  }
  if (angles >= 0) {
    const int at = angles * (D / 2) + lane % (kLanes / 2) * N;
    const float sign = lane < kLanes / 2 ? -1.f : 1.f;
#pragma unroll
    for (int j = 0; j < N; j += 4) {
      const float4 cs = __ldg((const float4*)(a.cos + at + j));
      const float4 sn = __ldg((const float4*)(a.sin + at + j));
      c[j] = cs.x, c[j + 1] = cs.y, c[j + 2] = cs.z, c[j + 3] = cs.w;
      s[j] = sign * sn.x, s[j + 1] = sign * sn.y, s[j + 2] = sign * sn.z, s[j + 3] = sign * sn.w;
    }
  }

  // Whole warps take part in every round, so that all shuffles have their partners.
  for (int first = 0; first < 3 * vectors; first += kUnroll * blockDim.x) {
    uint4 raw[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; u++) {
      const int v = first + u * blockDim.x + threadIdx.x;
      raw[u] = v < 3 * vectors ? loadStream(in + v) : make_uint4(0, 0, 0, 0);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; u++) {
      const int v = first + u * blockDim.x + threadIdx.x;
      float x[N];
      Vector<T>::unpack(raw[u], x);
      float sum = 0.f;
#pragma unroll
      for (int j = 0; j < N; j++) {
        sum += x[j];
      }
#pragma unroll
      for (int step = kLanes / 2; step > 0; step >>= 1) {
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
      }
      const float mean = sum * (1.f / D);
      float squares = 0.f;
#pragma unroll
      for (int j = 0; j < N; j++) {
        x[j] -= mean;
        squares += x[j] * x[j];
      }
#pragma unroll
      for (int step = kLanes / 2; step > 0; step >>= 1) {
        squares += __shfl_xor_sync(0xffffffffu, squares, step);
      }
      const float inverse = rsqrtf(squares * (1.f / D) + a.eps);
#pragma unroll
      for (int j = 0; j < N; j++) {
        x[j] *= inverse;
      }
      float rotated[N];
#pragma unroll
      for (int j = 0; j < N; j++) {
        const float other = __shfl_xor_sync(0xffffffffu, x[j], kLanes / 2);
        rotated[j] = x[j] * c[j] + other * s[j];
      }
      if (v < vectors) {
        query[v] = Vector<T>::pack(rotated);
      } else if (v < 2 * vectors) {
        key[v - vectors] = Vector<T>::pack(rotated);
      } else if (v < 3 * vectors) {
        value[v - 2 * vectors] = raw[u];
      }
    }
  }
}

#define KERNEL(T, NAME, D) \
  extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) qk_norm_rotary_##NAME##_##D(const __grid_constant__ Args a) { qkNormRotary<T, D>(a); }
#define KERNELS(T, NAME) KERNEL(T, NAME, 16) KERNEL(T, NAME, 32) KERNEL(T, NAME, 64) KERNEL(T, NAME, 128)
KERNELS(bf16, bf16)
KERNELS(float, f32)
