// Rotates the first R of D elements of every query and key head in place, by halves: (a, b) -> (a cos - b sin,
// b cos + a sin). Writes the token's key and value heads to cell cells[n] of the caches.
// qkv [N, (H + 2 G) D]; cos, sin [N, R / 2] float32; cells [N] int64; keys, values [S C, G D]. bf16 or float32,
// rotation in float32. D and R / 2 multiples of the vector (8 bf16, 4 float32); entries _1 take any, element by element.
// Floor: N (2 (H + G) R + 4 G D) elements moved. One block per token; one thread has both halves of a rotation.
// Tolerance against the float32 formula: one rounding of the dtype; copies are exact.
#include "common.cuh"

struct Args {
  void* qkv;
  const float* cos;
  const float* sin;
  const long long* cells;
  void* keys;
  void* values;
  int heads;
  int kvHeads;
  int headDim;
  int half;  // R / 2
};
EXPORT_ARGS_SIZE

// V elements that are loaded and stored together.
template <typename T, int V>
struct alignas(V * sizeof(T)) Pack {
  T x[V];
};

template <typename T, int V>
__device__ __forceinline__ void rotaryCacheWrite(const Args& a) {
  using P = Pack<T, V>;
  const int token = blockIdx.x;
  const int perHead = a.headDim / V;
  const int perHalf = a.half / V;
  P* row = (P*)a.qkv + (size_t)token * (a.heads + 2 * a.kvHeads) * perHead;
  const size_t cell = (size_t)a.cells[token] * a.kvHeads * perHead;
  P* keys = (P*)a.keys + cell;
  P* values = (P*)a.values + cell;
  const float* cos = a.cos + (size_t)token * a.half;
  const float* sin = a.sin + (size_t)token * a.half;

  const int rotations = (a.heads + a.kvHeads) * perHalf;
  for (int i = threadIdx.x; i < rotations; i += blockDim.x) {
    const int head = i / perHalf;
    const int at = i % perHalf;
    P first = row[head * perHead + at];
    P second = row[head * perHead + perHalf + at];
#pragma unroll
    for (int j = 0; j < V; j++) {
      const float x = toFloat(first.x[j]);
      const float y = toFloat(second.x[j]);
      const float c = cos[at * V + j];
      const float s = sin[at * V + j];
      first.x[j] = fromFloat<T>(x * c - y * s);
      second.x[j] = fromFloat<T>(y * c + x * s);
    }
    row[head * perHead + at] = first;
    row[head * perHead + perHalf + at] = second;
    const int key = head - a.heads;
    if (key >= 0) {
      keys[key * perHead + at] = first;
      keys[key * perHead + perHalf + at] = second;
    }
  }
  // The part of a key that is not rotated.
  const int tail = perHead - 2 * perHalf;
  for (int i = threadIdx.x; i < a.kvHeads * tail; i += blockDim.x) {
    const int at = i / tail * perHead + 2 * perHalf + i % tail;
    keys[at] = row[a.heads * perHead + at];
  }
  for (int i = threadIdx.x; i < a.kvHeads * perHead; i += blockDim.x) {
    values[i] = row[(a.heads + a.kvHeads) * perHead + i];
  }
}

#define KERNEL(T, NAME, V) \
  extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) rotary_cache_write_##NAME##_##V(const __grid_constant__ Args a) { rotaryCacheWrite<T, V>(a); }
KERNEL(bf16, bf16, 8)
KERNEL(bf16, bf16, 1)
KERNEL(float, f32, 4)
KERNEL(float, f32, 1)
