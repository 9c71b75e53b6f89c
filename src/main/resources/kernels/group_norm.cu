// Group norm of an image whose channels are last, in three launches. z = x + offset, of which m and v are mean and variance
// over the positions and channels of a group:
// group_norm_sums: sums[n, 0, k, c] = sum of x[n, p, c] - x[n, 0, c] over the positions p of chunk k; sums[n, 1, k, c] that of
//   its squares. Without the first position's value, an image whose mean is far from 0 would lose digits
// group_norm_scales: scales[n, 0, c] = weight[c] / sqrt(v + eps); scales[n, 1, c] = bias[c] + (offset[c] - m) * scales[n, 0, c]
// group_norm: out = x * scales[n, 0] + scales[n, 1], which is (z - m) / sqrt(v + eps) * weight + bias; group_norm_silu: silu
//   of that, silu(y) = y / (1 + exp(-y))
// x, out [N, P, C]; offset, weight, bias [C]; sums [N, 2, K, C] and scales [N, 2, C] float32. x, out, offset, weight and bias
// bf16 or float32, arithmetic float32. C a multiple of 8, up to 1024 (float32) or 2048 (bf16); up to 256 channels a group.
// The order of summation depends on P and C only.
// Floor: 3 N P C elements moved. A thread takes 16 bytes of some positions of a chunk.
// Tolerance against the float32 formula: one rounding of the dtype; 4e-6 relative in float32.
#include "common.cuh"

// Positions whose loads a thread starts at once.
constexpr int kRows = NORM_ROWS;

struct Args {
  const void* x;
  void* out;
  const void* offset;  // null for 0
  const void* weight;
  const void* bias;
  float* sums;
  float* scales;
  int positions;
  int channels;
  int groups;
  int chunk;  // positions of a block
  int chunks;
  float eps;
};
EXPORT_ARGS_SIZE

template <typename T>
__device__ __forceinline__ void addTo(float (&sum)[Vector<T>::N], float (&squares)[Vector<T>::N],
                                      const float (&first)[Vector<T>::N], uint4 raw) {
  float x[Vector<T>::N];
  Vector<T>::unpack(raw, x);
#pragma unroll
  for (int j = 0; j < Vector<T>::N; j++) {
    const float d = x[j] - first[j];
    sum[j] += d;
    squares[j] += d * d;
  }
}

template <typename T>
__device__ __forceinline__ void groupNormSums(const Args& a) {
  constexpr int N = Vector<T>::N;
  __shared__ float sumOf[BLOCK_THREADS * N];
  __shared__ float squaresOf[BLOCK_THREADS * N];
  const int vectors = a.channels / N;
  const int rows = BLOCK_THREADS / vectors;  // positions that the block takes at once
  const int row = threadIdx.x / vectors;
  const int v = threadIdx.x - row * vectors;
  const uint4* x = (const uint4*)a.x + (size_t)blockIdx.y * a.positions * vectors + v;
  const int end = min((int)(blockIdx.x + 1) * a.chunk, a.positions);
  if (row < rows) {
    float first[N], sum[N], squares[N];
    Vector<T>::unpack(__ldg(x), first);
#pragma unroll
    for (int j = 0; j < N; j++) {
      sum[j] = 0.f;
      squares[j] = 0.f;
    }
    int p = blockIdx.x * a.chunk + row;
    for (; p + (kRows - 1) * rows < end; p += kRows * rows) {
      uint4 raw[kRows];
#pragma unroll
      for (int i = 0; i < kRows; i++) {
        raw[i] = loadStream(x + (size_t)(p + i * rows) * vectors);
      }
#pragma unroll
      for (int i = 0; i < kRows; i++) {
        addTo<T>(sum, squares, first, raw[i]);
      }
    }
    for (; p < end; p += rows) {
      addTo<T>(sum, squares, first, loadStream(x + (size_t)p * vectors));
    }
#pragma unroll
    for (int j = 0; j < N; j++) {
      sumOf[row * a.channels + v * N + j] = sum[j];
      squaresOf[row * a.channels + v * N + j] = squares[j];
    }
  }
  __syncthreads();
  float* to = a.sums + ((size_t)blockIdx.y * 2 * a.chunks + blockIdx.x) * a.channels;
  for (int c = threadIdx.x; c < a.channels; c += BLOCK_THREADS) {
    float sum = 0.f;
    float squares = 0.f;
    for (int r = 0; r < rows; r++) {
      sum += sumOf[r * a.channels + c];
      squares += squaresOf[r * a.channels + c];
    }
    to[c] = sum;
    to[(size_t)a.chunks * a.channels + c] = squares;
  }
}

// A block has the group blockIdx.x of image blockIdx.y. Each channel has its own mean and sum of squared differences from it;
// those of the group follow from them.
template <typename T>
__device__ __forceinline__ void groupNormScales(const Args& a) {
  __shared__ float sumOf[BLOCK_THREADS];
  __shared__ float squaresOf[BLOCK_THREADS];
  __shared__ float partial[2][32];
  const int width = a.channels / a.groups;
  const int rows = BLOCK_THREADS / width;
  const int row = threadIdx.x / width;
  const int c = blockIdx.x * width + threadIdx.x - row * width;
  if (row < rows) {
    const float* from = a.sums + (size_t)blockIdx.y * 2 * a.chunks * a.channels + c;
    const float* squaresFrom = from + (size_t)a.chunks * a.channels;
    float sum = 0.f;
    float squares = 0.f;
#pragma unroll 4
    for (int k = row; k < a.chunks; k += rows) {
      sum += __ldg(from + (size_t)k * a.channels);
      squares += __ldg(squaresFrom + (size_t)k * a.channels);
    }
    sumOf[threadIdx.x] = sum;
    squaresOf[threadIdx.x] = squares;
  }
  __syncthreads();
  const bool own = threadIdx.x < width;
  float offset = 0.f;
  float mean = 0.f;     // of the channel
  float squares = 0.f;  // differences from it, squared
  if (own) {
    float sum = 0.f;
    for (int r = 0; r < rows; r++) {
      sum += sumOf[r * width + threadIdx.x];
      squares += squaresOf[r * width + threadIdx.x];
    }
    offset = a.offset == nullptr ? 0.f : toFloat(((const T*)a.offset)[c]);
    const float first = toFloat(((const T*)a.x)[(size_t)blockIdx.y * a.positions * a.channels + c]);
    const float shift = sum / a.positions;
    mean = first + offset + shift;
    squares -= sum * shift;
  }
  const float groupMean = blockSum(mean, partial[0]) / width;
  const float apart = own ? mean - groupMean : 0.f;
  const float all = blockSum(squares + a.positions * apart * apart, partial[1]);
  const float variance = fmaxf(all / ((float)a.positions * width), 0.f);
  if (own) {
    const float scale = toFloat(((const T*)a.weight)[c]) * rsqrtf(variance + a.eps);
    float* to = a.scales + (size_t)blockIdx.y * 2 * a.channels + c;
    to[0] = scale;
    to[a.channels] = toFloat(((const T*)a.bias)[c]) + (offset - groupMean) * scale;
  }
}

template <typename T, bool SILU>
__device__ __forceinline__ uint4 normed(uint4 raw, const float (&scale)[Vector<T>::N], const float (&shift)[Vector<T>::N]) {
  float x[Vector<T>::N];
  Vector<T>::unpack(raw, x);
#pragma unroll
  for (int j = 0; j < Vector<T>::N; j++) {
    const float y = x[j] * scale[j] + shift[j];
    x[j] = SILU ? __fdividef(y, 1.f + __expf(-y)) : y;
  }
  return Vector<T>::pack(x);
}

template <typename T, bool SILU>
__device__ __forceinline__ void groupNorm(const Args& a) {
  constexpr int N = Vector<T>::N;
  const int vectors = a.channels / N;
  const int rows = BLOCK_THREADS / vectors;
  const int row = threadIdx.x / vectors;
  const int v = threadIdx.x - row * vectors;
  if (row >= rows) {
    return;
  }
  float scale[N], shift[N];
  const float* scales = a.scales + (size_t)blockIdx.y * 2 * a.channels + v * N;
#pragma unroll
  for (int j = 0; j < N; j++) {
    scale[j] = __ldg(scales + j);
    shift[j] = __ldg(scales + a.channels + j);
  }
  const size_t image = (size_t)blockIdx.y * a.positions * vectors + v;
  const uint4* x = (const uint4*)a.x + image;
  uint4* out = (uint4*)a.out + image;
  // The last chunks first: they are what the launch of the sums has left in the cache.
  const int chunk = a.chunks - 1 - blockIdx.x;
  const int end = min((chunk + 1) * a.chunk, a.positions);
  int p = chunk * a.chunk + row;
  for (; p + (kRows - 1) * rows < end; p += kRows * rows) {
    uint4 raw[kRows];
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      raw[i] = loadStream(x + (size_t)(p + i * rows) * vectors);
    }
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      out[(size_t)(p + i * rows) * vectors] = normed<T, SILU>(raw[i], scale, shift);
    }
  }
  for (; p < end; p += rows) {
    out[(size_t)p * vectors] = normed<T, SILU>(loadStream(x + (size_t)p * vectors), scale, shift);
  }
}

#define KERNEL(NAME, CALL) \
  extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) NAME(const __grid_constant__ Args a) { CALL(a); }
KERNEL(group_norm_sums_bf16, groupNormSums<bf16>)
KERNEL(group_norm_sums_f32, groupNormSums<float>)
KERNEL(group_norm_scales_bf16, groupNormScales<bf16>)
KERNEL(group_norm_scales_f32, groupNormScales<float>)
KERNEL(group_norm_bf16, (groupNorm<bf16, false>))
KERNEL(group_norm_f32, (groupNorm<float, false>))
KERNEL(group_norm_silu_bf16, (groupNorm<bf16, true>))
KERNEL(group_norm_silu_f32, (groupNorm<float, true>))
