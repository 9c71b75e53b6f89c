// ids[n]: the first id, ascending, whose cumulative weight is above uniforms[n] times the total. Weights are
// exp(logit / temperature) of the ids that remain after top_k and then top_p.
// top_k: drops logits below the k-th largest. top_p: drops ids in the order of (logit, id) while their cumulative
// probability is at most 1 - top_p, but never the last one. top_k 1: the largest logit, the lowest id among equals.
// logits [N, K] bf16 or float32; uniforms [N] float32; ids [N] int64. K up to 24576. Arithmetic float32. The order of
// summation depends only on K: a thread sums up to 24 neighbouring ids in float32, and these sums are added in float64.
// Floor: N K elements read. One block of 1024 threads per row holds the whole row in registers.
// Tolerance: the same id as with a sort and a float64 sum, unless the draw or a cut is within 1e-6 of a boundary.
#include "common.cuh"

constexpr int kThreads = SAMPLING_THREADS;
constexpr int kNone = 0x7fffffff;

struct Args {
  const void* logits;
  const float* uniforms;
  long long* ids;
  int width;
  int topK;  // 0: all
  float temperature;
  float leaving;  // 1 - top_p; negative: drops none
};
EXPORT_ARGS_SIZE

struct Shared {
  double sums[32];
  int counts[32];
  unsigned keys[32];
  int answer;
};

// A key with the order of the floats; never 0.
__device__ __forceinline__ unsigned orderedKey(float x) {
  const unsigned bits = __float_as_uint(x + 0.f);  // -0 is 0
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float fromKey(unsigned key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

__device__ __forceinline__ int blockCount(int x, Shared& shared) {
  x = __reduce_add_sync(0xffffffffu, x);
  if ((threadIdx.x & 31) == 0) {
    shared.counts[threadIdx.x >> 5] = x;
  }
  __syncthreads();
  x = __reduce_add_sync(0xffffffffu, shared.counts[threadIdx.x & 31]);
  __syncthreads();
  return x;
}

__device__ __forceinline__ double blockSum(double x, Shared& shared) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    x += __shfl_xor_sync(0xffffffffu, x, step);
  }
  if ((threadIdx.x & 31) == 0) {
    shared.sums[threadIdx.x >> 5] = x;
  }
  __syncthreads();
  x = shared.sums[threadIdx.x & 31];
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    x += __shfl_xor_sync(0xffffffffu, x, step);
  }
  __syncthreads();
  return x;
}

__device__ __forceinline__ unsigned blockMax(unsigned x, Shared& shared) {
  x = __reduce_max_sync(0xffffffffu, x);
  if ((threadIdx.x & 31) == 0) {
    shared.keys[threadIdx.x >> 5] = x;
  }
  __syncthreads();
  x = __reduce_max_sync(0xffffffffu, shared.keys[threadIdx.x & 31]);
  __syncthreads();
  return x;
}

// The sum over the threads before this one; `all` becomes the sum over all threads.
template <typename N>
__device__ __forceinline__ N scanBefore(N x, N* perWarp, N& all) {
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;
  N inclusive = x;
#pragma unroll
  for (int step = 1; step < 32; step <<= 1) {
    const N left = __shfl_up_sync(0xffffffffu, inclusive, step);
    inclusive += lane >= step ? left : N(0);
  }
  if (lane == 31) {
    perWarp[warp] = inclusive;
  }
  __syncthreads();
  N before = N(0);
  all = N(0);
  for (int w = 0; w < kThreads / 32; w++) {
    before += w < warp ? perWarp[w] : N(0);
    all += perWarp[w];
  }
  __syncthreads();
  return before + inclusive - x;
}

template <typename T, int ITEMS>
__device__ __forceinline__ void tokenSampling(const Args& a) {
  __shared__ Shared shared;
  const int row = blockIdx.x;
  const int first = threadIdx.x * ITEMS;  // neighbouring ids belong to one thread
  const T* logits = (const T*)a.logits + (size_t)row * a.width;
  unsigned keys[ITEMS];  // 0: no id
  unsigned most = 0;
  unsigned least = 0xffffffffu;
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    keys[i] = 0;
    if (first + i < a.width) {
      keys[i] = orderedKey(toFloat(logits[first + i]) / a.temperature);
      most = max(most, keys[i]);
      least = min(least, keys[i]);
    }
  }
  most = blockMax(most, shared);
  least = ~blockMax(~least, shared);

  unsigned low = least;
  if (a.topK == 1) {
    low = most;
  } else if (a.topK > 0 && a.topK < a.width) {
    // The k-th largest key is the largest one that at least k keys reach. That holds for `low`, but not for `high`.
    unsigned high = most + 1;
    int reached = a.width;
    while (high - low > 1 && reached != a.topK) {
      const unsigned middle = low + (high - low) / 2;
      int count = 0;
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        count += keys[i] >= middle;
      }
      count = blockCount(count, shared);
      if (count >= a.topK) {
        low = middle;
        reached = count;
      } else {
        high = middle;
      }
    }
  }

  // From here on a key is the bits of the id's weight, which have the same order; 0 is a dropped id.
  const float largest = fromKey(most);
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    const float weight = keys[i] != 0 && keys[i] >= low ? expf(fromKey(keys[i]) - largest) : 0.f;
    keys[i] = __float_as_uint(weight);
    sum += weight;
  }
  most = __float_as_uint(1.f);

  if (a.leaving >= 0.f && a.topK != 1) {
    const double limit = (double)a.leaving * blockSum((double)sum, shared);
    // The largest weight for which the sum of all smaller ones is within the limit.
    low = 1;
    unsigned high = most + 1;
    double below = 0.;
    while (high - low > 1) {
      const unsigned middle = low + (high - low) / 2;
      float part = 0.f;
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        part += keys[i] < middle ? __uint_as_float(keys[i]) : 0.f;
      }
      const double weight = blockSum((double)part, shared);
      if (weight <= limit) {
        low = middle;
        below = weight;
      } else {
        high = middle;
      }
    }
    // Of the ids with that weight, drops as many as still fit, lowest first.
    int equals = 0;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      equals += keys[i] == low;
    }
    int all;
    int rank = scanBefore(equals, shared.counts, all);
    const double fitting = floor((limit - below) / (double)__uint_as_float(low));
    int leave = fitting < (double)all ? (int)fitting : all;
    if (low == most) {
      leave = min(leave, all - 1);
    }
    sum = 0.f;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      if (keys[i] < low || (keys[i] == low && rank++ < leave)) {
        keys[i] = 0;
      }
      sum += __uint_as_float(keys[i]);
    }
  }

  if (threadIdx.x == 0) {
    shared.answer = kNone;
  }
  double total;
  double cumulative = scanBefore((double)sum, shared.sums, total);
  const double threshold = a.topK == 1 ? 0. : (double)a.uniforms[row] * total;
  int found = kNone;
  int last = 0;
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    cumulative += (double)__uint_as_float(keys[i]);
    if (keys[i] != 0) {
      last = first + i;
      if (found == kNone && cumulative > threshold) {
        found = first + i;
      }
    }
  }
  if (found != kNone) {
    atomicMin(&shared.answer, found);
  }
  // Rounding can leave the draw above every sum. The last id is then drawn.
  last = (int)blockMax((unsigned)last, shared);
  if (threadIdx.x == 0) {
    a.ids[row] = shared.answer == kNone ? last : shared.answer;
  }
}

#define KERNEL(T, NAME, ITEMS) \
  extern "C" __global__ void __launch_bounds__(kThreads) token_sampling_##NAME##_##ITEMS(const __grid_constant__ Args a) { tokenSampling<T, ITEMS>(a); }
// Expands the constants before KERNEL makes them part of a name.
#define SIZED(T, NAME, ITEMS) KERNEL(T, NAME, ITEMS)
#define KERNELS(T, NAME) \
  SIZED(T, NAME, SAMPLING_ITEMS_SMALL) SIZED(T, NAME, SAMPLING_ITEMS_MEDIUM) SIZED(T, NAME, SAMPLING_ITEMS_LARGE)
KERNELS(bf16, bf16)
KERNELS(float, f32)
