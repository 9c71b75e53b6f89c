// Attention of one query token per slot over the slot's own cache: out[s, h] = softmax(q k^T / sqrt(D)) v over its first
// counts[s] tokens. Query head h reads key head h G / H.
// qkv [S, (H + 2 G) D], queries first; keys, values [S, C, G, D]; counts [S] int32, 1..C; out [S, H D].
// bf16 or float32; scores, softmax and sums in float32. The tensor-core form rounds weights to bf16.
// D 16, 32, 64 or 128. The tensor-core form takes bf16, D 64 or 128, H / G up to 16.
// Floor: 2 G D sum(counts) elements moved: every cached element is read once, for all query heads of its key head.
// The pieces of a slot do not depend on the other slots, and their results are combined in order, so a result depends only
// on the slot's own tokens. In the tensor-core form, each of kParts blocks takes every kParts-th run of 64 tokens (16 per
// warp), so that all blocks of a slot have equal work. The other form cuts a slot at multiples of kChunk tokens.
// Tolerance against the float32 formula: 1e-2 relative in norm for bf16, 1e-5 for float32.
#include "common.cuh"

constexpr int kChunk = DECODE_CHUNK;
constexpr int kWarps = DECODE_WARPS;
constexpr int kParts = DECODE_PARTS;

struct Args {
  const void* qkv;
  const void* keys;
  const void* values;
  const int* counts;
  float* sums;     // [S, pieces, H, D]: weighted values of a piece, not normalised
  float* weights;  // [S, pieces, H, 2]: largest score (times log2 e), sum of weights
  void* out;
  int capacity;
  int heads;
  int kvHeads;
  int pieces;
  float scale;  // log2 e / sqrt(D)
};
EXPORT_ARGS_SIZE

__device__ __forceinline__ void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ unsigned word(const uint4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// Copies 16 bytes from global memory to this thread's own place in shared memory, without a register in between.
__device__ __forceinline__ void copyAsync(uint4* to, const uint4* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory");
}
__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until all but the last group of copies have arrived.
__device__ __forceinline__ void awaitCopies() { asm volatile("cp.async.wait_group 1;" ::: "memory"); }

__device__ __forceinline__ void addScaled(float4& sum, float factor, const float4& x) {
  sum.x += factor * x.x;
  sum.y += factor * x.y;
  sum.z += factor * x.z;
  sum.w += factor * x.w;
}

// The first of the 4 columns of a piece that a lane holds.
__device__ __forceinline__ int column(int piece, int q) { return 64 * (piece >> 3) + 16 * q + 4 * (piece & 3); }

// exp2(x - most), 0 for a part without tokens.
__device__ __forceinline__ float share(float x, float most) { return x == -INFINITY ? 0.f : exp2f(x - most); }

// The 16 rows of the tensor core's tile are the query heads of one key head. The order of elements within a product's inner
// dimension is free, if it is the same for both operands. Every lane therefore loads 16 contiguous bytes of a key or value,
// and reads back only what it has loaded itself.
template <int D>
__device__ __forceinline__ void attendTensorCore(const Args& a) {
  constexpr int kLoads = D / 32;   // 16-byte loads of a key by a lane
  constexpr int kHalves = D / 64;  // 16-byte loads of a value by a lane
  constexpr int kThreads = 32 * kWarps;
  const int part = blockIdx.x;
  const int kvHead = blockIdx.y;
  const int slot = blockIdx.z;
  const int count = a.counts[slot];
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;
  const int g = lane >> 2;
  const int q = lane & 3;
  const int group = a.heads / a.kvHeads;
  const size_t tokenStride = (size_t)a.kvHeads * D / 8;  // in 16-byte words
  const uint4* keys = (const uint4*)a.keys + ((size_t)slot * a.capacity * a.kvHeads + kvHead) * (D / 8) + q;
  const uint4* values = (const uint4*)a.values + ((size_t)slot * a.capacity * a.kvHeads + kvHead) * (D / 8) + g;

  __shared__ union {
    struct {
      uint4 keys[2 * kLoads][kThreads];
      uint4 values[4 * kHalves][kThreads];
    } ring;
    float4 sums[kWarps][8 * kHalves][32];
  } shared;
  __shared__ uint4 queries[2 * kLoads][32];
  __shared__ float warpLargest[kWarps][16];
  __shared__ float warpTotal[kWarps][16];
  __shared__ float partLargest[16];
  __shared__ float partTotal[16];

  // Loads past the end read the last token again; its weight is then 0.
  const auto loadKeys = [&](int first) {
    if (first < count) {
#pragma unroll
      for (int t = 0; t < 2; t++) {
        const uint4* p = keys + min(first + 8 * t + g, count - 1) * tokenStride;
#pragma unroll
        for (int j = 0; j < kLoads; j++) {
          copyAsync(&shared.ring.keys[kLoads * t + j][threadIdx.x], p + 4 * j);
        }
      }
    }
    commitCopies();
  };
  const auto loadValues = [&](int first) {
    if (first < count) {
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const uint4* p = values + min(first + 2 * q + (k & 1) + 8 * (k >> 1), count - 1) * tokenStride;
#pragma unroll
        for (int h = 0; h < kHalves; h++) {
          copyAsync(&shared.ring.values[kHalves * k + h][threadIdx.x], p + 8 * h);
        }
      }
    }
    commitCopies();
  };

  // Rows g and g + 8 of the queries, elements 32 j + 8 q .. + 7. Loaded before the keys and values, which take longer.
  static_assert(kLoads <= kWarps, "a warp loads one part of the queries");
  const uint4* own = (const uint4*)a.qkv + ((size_t)slot * (a.heads + 2 * a.kvHeads) + kvHead * group) * (D / 8) + 4 * warp + q;
  const uint4 low = warp < kLoads && g < group ? __ldg(own + g * (D / 8)) : make_uint4(0, 0, 0, 0);
  const uint4 high = warp < kLoads && g + 8 < group ? __ldg(own + (g + 8) * (D / 8)) : make_uint4(0, 0, 0, 0);

  constexpr int kStride = 16 * kWarps * kParts;
  const int begin = 16 * (kWarps * part + warp);
  loadKeys(begin);
  loadValues(begin);

  if (warp < kLoads) {
    queries[2 * warp][lane] = make_uint4(low.x, high.x, low.y, high.y);
    queries[2 * warp + 1][lane] = make_uint4(low.z, high.z, low.w, high.w);
  }
  __syncthreads();

  float sums[8 * kHalves][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};
  float total[2] = {0.f, 0.f};
  for (int first = begin; first < count; first += kStride) {
    awaitCopies();
    float scores[2][4] = {};
#pragma unroll
    for (int j = 0; j < kLoads; j++) {
      const uint4 q0 = queries[2 * j][lane];
      const uint4 q1 = queries[2 * j + 1][lane];
#pragma unroll
      for (int t = 0; t < 2; t++) {
        const uint4 key = shared.ring.keys[kLoads * t + j][threadIdx.x];
        multiply(scores[t], {q0.x, q0.y, q0.z, q0.w}, key.x, key.y);
        multiply(scores[t], {q1.x, q1.y, q1.z, q1.w}, key.z, key.w);
      }
    }
    loadKeys(first + kStride);

    float newLargest[2] = {largest[0], largest[1]};
#pragma unroll
    for (int t = 0; t < 2; t++) {
#pragma unroll
      for (int c = 0; c < 4; c++) {
        const int token = first + 8 * t + 2 * q + (c & 1);
        scores[t][c] = token < count ? scores[t][c] * a.scale : -INFINITY;
        newLargest[c >> 1] = fmaxf(newLargest[c >> 1], scores[t][c]);
      }
    }
    float rescale[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
      newLargest[r] = fmaxf(newLargest[r], __shfl_xor_sync(0xffffffffu, newLargest[r], 1));
      newLargest[r] = fmaxf(newLargest[r], __shfl_xor_sync(0xffffffffu, newLargest[r], 2));
      rescale[r] = exp2f(largest[r] - newLargest[r]);
      largest[r] = newLargest[r];
      total[r] *= rescale[r];
    }
#pragma unroll
    for (int t = 0; t < 2; t++) {
#pragma unroll
      for (int c = 0; c < 4; c++) {
        scores[t][c] = exp2f(scores[t][c] - largest[c >> 1]);
        total[c >> 1] += scores[t][c];
      }
    }
    const unsigned p[4] = {packBf16(scores[0][0], scores[0][1]), packBf16(scores[0][2], scores[0][3]),
                           packBf16(scores[1][0], scores[1][1]), packBf16(scores[1][2], scores[1][3])};
    awaitCopies();
#pragma unroll
    for (int h = 0; h < kHalves; h++) {
      uint4 value[4];
#pragma unroll
      for (int k = 0; k < 4; k++) {
        value[k] = shared.ring.values[kHalves * k + h][threadIdx.x];
      }
#pragma unroll
      for (int t = 0; t < 8; t++) {
        float(&sum)[4] = sums[8 * h + t];
        sum[0] *= rescale[0];
        sum[1] *= rescale[0];
        sum[2] *= rescale[1];
        sum[3] *= rescale[1];
        // Element t of the four tokens' 16 bytes: column g of this product is element 8 g + t (+ 64).
        const unsigned take = t & 1 ? 0x7632 : 0x5410;
        const unsigned b0 = __byte_perm(word(value[0], t / 2), word(value[1], t / 2), take);
        const unsigned b1 = __byte_perm(word(value[2], t / 2), word(value[3], t / 2), take);
        multiply(sum, p, b0, b1);
      }
    }
    loadValues(first + kStride);
  }
#pragma unroll
  for (int r = 0; r < 2; r++) {
    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 1);
    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 2);
  }

  // Combines the results of the warps, in the order of the warps. Elements stay in the order in which lanes hold them, 4
  // columns at a time: piece 8 h + 4 r + i of lane (g, q) is row g + 8 r, columns 64 h + 16 q + 4 i .. + 3.
  if (q == 0) {
    warpLargest[warp][g] = largest[0];
    warpLargest[warp][g + 8] = largest[1];
    warpTotal[warp][g] = total[0];
    warpTotal[warp][g + 8] = total[1];
  }
  __syncthreads();  // all warps have finished with their part of the ring
#pragma unroll
  for (int h = 0; h < kHalves; h++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int t = 8 * h + 4 * (i & 1);
        const int c = 2 * r + (i >> 1);
        shared.sums[warp][8 * h + 4 * r + i][lane] = make_float4(sums[t][c], sums[t + 1][c], sums[t + 2][c], sums[t + 3][c]);
      }
    }
  }
  if (threadIdx.x < 16) {
    float most = warpLargest[0][threadIdx.x];
#pragma unroll
    for (int w = 1; w < kWarps; w++) {
      most = fmaxf(most, warpLargest[w][threadIdx.x]);
    }
    float weight = 0.f;
#pragma unroll
    for (int w = 0; w < kWarps; w++) {
      const float factor = share(warpLargest[w][threadIdx.x], most);
      warpLargest[w][threadIdx.x] = factor;
      weight += factor * warpTotal[w][threadIdx.x];
    }
    partLargest[threadIdx.x] = most;
    partTotal[threadIdx.x] = weight;
  }
  __syncthreads();
  const size_t row = ((size_t)slot * a.pieces + part) * a.heads + kvHead * group;
#pragma unroll
  for (int k = 0; k < 2 * kHalves; k++) {
    const int piece = k * kWarps + warp;
    const int head = g + 8 * ((piece >> 2) & 1);
    float4 sum = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
    for (int w = 0; w < kWarps; w++) {
      addScaled(sum, warpLargest[w][head], shared.sums[w][piece][lane]);
    }
    if (head < group) {
      ((float4*)a.sums)[((row + head) * D + column(piece, q)) / 4] = sum;
    }
  }
  if (threadIdx.x < group) {
    a.weights[(row + threadIdx.x) * 2] = partLargest[threadIdx.x];
    a.weights[(row + threadIdx.x) * 2 + 1] = partTotal[threadIdx.x];
  }
}

// Any dtype and any number of query heads per key head. A warp takes one query head after another, a lane 8 tokens.
template <typename T, int D>
__device__ __forceinline__ void attend(const Args& a) {
  constexpr int N = Vector<T>::N;
  constexpr int kTokens = kChunk / 32;
  const int piece = blockIdx.x;
  const int kvHead = blockIdx.y;
  const int slot = blockIdx.z;
  const int count = a.counts[slot];
  const int start = piece * kChunk;
  if (start >= count) {
    return;
  }
  const int tokens = min(kChunk, count - start);
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;
  const int group = a.heads / a.kvHeads;
  const size_t tokenStride = (size_t)a.kvHeads * D;
  const size_t base = ((size_t)slot * a.capacity + start) * tokenStride + (size_t)kvHead * D;
  const T* keys = (const T*)a.keys + base;
  const T* values = (const T*)a.values + base;
  __shared__ float query[kWarps][D];
  __shared__ float weights[kWarps][kChunk];
  for (int head = kvHead * group + warp; head < (kvHead + 1) * group; head += kWarps) {
    const T* q = (const T*)a.qkv + ((size_t)slot * (a.heads + 2 * a.kvHeads) + head) * D;
    __syncwarp();
    for (int d = lane; d < D; d += 32) {
      query[warp][d] = toFloat(q[d]);
    }
    __syncwarp();
    float scores[kTokens];
    float largest = -INFINITY;
#pragma unroll
    for (int i = 0; i < kTokens; i++) {
      const int token = i * 32 + lane;
      scores[i] = -INFINITY;
      if (token < tokens) {
        const uint4* k = (const uint4*)(keys + token * tokenStride);
        float dot = 0.f;
#pragma unroll 4
        for (int v = 0; v < D / N; v++) {
          float x[N];
          Vector<T>::unpack(k[v], x);
#pragma unroll
          for (int j = 0; j < N; j++) {
            dot += query[warp][v * N + j] * x[j];
          }
        }
        scores[i] = dot * a.scale;
        largest = fmaxf(largest, scores[i]);
      }
    }
#pragma unroll
    for (int step = 16; step > 0; step >>= 1) {
      largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, step));
    }
    float total = 0.f;
#pragma unroll
    for (int i = 0; i < kTokens; i++) {
      const float weight = exp2f(scores[i] - largest);
      weights[warp][i * 32 + lane] = weight;
      total += weight;
    }
    total = warpSum(total);
    __syncwarp();
    const size_t row = ((size_t)slot * a.pieces + piece) * a.heads + head;
    for (int d = lane; d < D; d += 32) {
      float sum = 0.f;
      for (int token = 0; token < tokens; token++) {
        sum += weights[warp][token] * toFloat(values[token * tokenStride + d]);
      }
      a.sums[row * D + d] = sum;
    }
    if (lane == 0) {
      a.weights[row * 2] = largest;
      a.weights[row * 2 + 1] = total;
    }
  }
}

// Combines the pieces of one query head in order: COUNT of them, or as many as the slot's tokens fill if COUNT is 0. One
// thread per element.
template <typename T, int COUNT>
__device__ __forceinline__ void combine(const Args& a) {
  const int head = blockIdx.x;
  const int slot = blockIdx.y;
  const int width = blockDim.x;
  const int pieces = COUNT > 0 ? COUNT : (a.counts[slot] + kChunk - 1) / kChunk;
  const size_t row = (size_t)slot * a.pieces * a.heads + head;
  const float2* weights = (const float2*)a.weights + row;
  const float* sums = a.sums + row * width + threadIdx.x;
  float largest = -INFINITY;
#pragma unroll COUNT > 0 ? COUNT : 4
  for (int i = 0; i < pieces; i++) {
    largest = fmaxf(largest, weights[(size_t)i * a.heads].x);
  }
  float sum = 0.f;
  float total = 0.f;
#pragma unroll COUNT > 0 ? COUNT : 4
  for (int i = 0; i < pieces; i++) {
    const float2 weight = weights[(size_t)i * a.heads];
    const float factor = share(weight.x, largest);
    sum += factor * sums[(size_t)i * a.heads * width];
    total += factor * weight.y;
  }
  ((T*)a.out)[((size_t)slot * a.heads + head) * width + threadIdx.x] = fromFloat<T>(pieces > 0 ? sum / total : 0.f);
}

#define TENSOR_CORE(D)                                                                                            \
  extern "C" __global__ void __launch_bounds__(128) decode_attention_tensor_core_bf16_##D(const __grid_constant__ Args a) { \
    attendTensorCore<D>(a);                                                                                \
  }
#define KERNEL(T, NAME, D) \
  extern "C" __global__ void __launch_bounds__(128) decode_attention_##NAME##_##D(const __grid_constant__ Args a) { attend<T, D>(a); }
#define KERNELS(T, NAME) KERNEL(T, NAME, 16) KERNEL(T, NAME, 32) KERNEL(T, NAME, 64) KERNEL(T, NAME, 128)
TENSOR_CORE(64)
TENSOR_CORE(128)
KERNELS(bf16, bf16)
KERNELS(float, f32)
extern "C" __global__ void __launch_bounds__(128) decode_attention_combine_tensor_core_bf16(const __grid_constant__ Args a) { combine<bf16, kParts>(a); }
extern "C" __global__ void __launch_bounds__(128) decode_attention_combine_bf16(const __grid_constant__ Args a) { combine<bf16, 0>(a); }
extern "C" __global__ void __launch_bounds__(128) decode_attention_combine_f32(const __grid_constant__ Args a) { combine<float, 0>(a); }
