// Of qkv [T, 3, H, d]: layer norm without weights over d of every head of query and key, then rotation of the rows that
// have angles, by halves: (a, b) -> (a cos - b sin, b cos + a sin). Writes query to query [T, H, d], key and value to the
// destinations [rows, H, d] of their sequence.
// cos, sin [I, d / 2] float32; rotaryRow [T] int32: the row's angles, or -1. bf16 or float32, arithmetic float32.
// Entries _e4m3 write e4m3(query * qkFactor), e4m3(key * qkFactor) and e4m3(value * valueFactor), to nearest even, saturated.
// d 16, 32, 64 or 128.
// Floor: 6 T H d elements moved (e4m3: 3 T H d elements read, as many bytes written). A block takes one row. The d elements of a head are in d / N neighbouring lanes, so norm
// and rotation are shuffles within a warp.
// Tolerance against the float32 formula: one rounding of the output dtype.
#include "e4m3.cuh"

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
  float qkFactor;
  float valueFactor;
};
EXPORT_ARGS_SIZE

// N elements of e4m3.
template <int N>
struct E4m3Vector;
template <>
struct E4m3Vector<4> {
  typedef unsigned type;
};
template <>
struct E4m3Vector<8> {
  typedef uint2 type;
};

__device__ __forceinline__ unsigned roundE4m3(const float (&x)[4], float factor) {
  return packE4m3(x[0] * factor, x[1] * factor, x[2] * factor, x[3] * factor);
}
__device__ __forceinline__ uint2 roundE4m3(const float (&x)[8], float factor) {
  return make_uint2(packE4m3(x[0] * factor, x[1] * factor, x[2] * factor, x[3] * factor),
                    packE4m3(x[4] * factor, x[5] * factor, x[6] * factor, x[7] * factor));
}

// How results are stored: as elements of T, or in e4m3.
template <typename T, bool E4M3>
struct Output {
  typedef uint4 vector;
  static __device__ __forceinline__ vector round(const float (&x)[Vector<T>::N], float) { return Vector<T>::pack(x); }
  static __device__ __forceinline__ vector copy(uint4 raw, float) { return raw; }
};
template <typename T>
struct Output<T, true> {
  typedef typename E4m3Vector<Vector<T>::N>::type vector;
  static __device__ __forceinline__ vector round(const float (&x)[Vector<T>::N], float factor) { return roundE4m3(x, factor); }
  static __device__ __forceinline__ vector copy(uint4 raw, float factor) {
    float x[Vector<T>::N];
    Vector<T>::unpack(raw, x);
    return roundE4m3(x, factor);
  }
};

template <typename T, int D, bool E4M3>
__device__ __forceinline__ void qkNormRotary(const Args& a) {
  constexpr int N = Vector<T>::N;
  typedef Output<T, E4M3> Out;
  typedef typename Out::vector OutVector;
  constexpr int kLanes = D / N;  // of one head
  const int row = a.offset[0] + blockIdx.x;
  int sequence = 0;
#pragma unroll
  for (int s = 1; s < kSequences; s++) {
    sequence += s < a.sequences && row >= a.offset[s];
  }
  const int vectors = a.heads * kLanes;  // of a third of the row
  const size_t local = (size_t)(row - a.offset[sequence]) * vectors;
  OutVector* query = (OutVector*)a.query + (size_t)row * vectors;
  OutVector* key = (OutVector*)a.key[sequence] + local;
  OutVector* value = (OutVector*)a.value[sequence] + local;
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
        query[v] = Out::round(rotated, a.qkFactor);
      } else if (v < 2 * vectors) {
        key[v - vectors] = Out::round(rotated, a.qkFactor);
      } else if (v < 3 * vectors) {
        value[v - 2 * vectors] = Out::copy(raw[u], a.valueFactor);
      }
    }
  }
}

#define KERNEL(T, NAME, D, E4M3) \
  extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) qk_norm_rotary_##NAME##_##D(const __grid_constant__ Args a) { qkNormRotary<T, D, E4M3>(a); }
#define KERNELS(T, NAME, E4M3) KERNEL(T, NAME, 16, E4M3) KERNEL(T, NAME, 32, E4M3) KERNEL(T, NAME, 64, E4M3) KERNEL(T, NAME, 128, E4M3)
KERNELS(bf16, bf16, false)
KERNELS(float, f32, false)
KERNELS(bf16, bf16_e4m3, true)
KERNELS(float, f32_e4m3, true)
