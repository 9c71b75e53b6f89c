// Shared by all kernels: bfloat16 without CUDA's headers, 16-byte vectors, reductions.
// Elements are bf16 or float; arithmetic is in float. Names in capitals that are defined nowhere come from
// constants.properties.
#pragma once

// NVRTC has no math.h.
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif

// A variable of the size of the kernels' structure Args. Its bytes are never used: the launching side looks up its size, and
// refuses to launch if it fills a structure of another size. Follows the structure in every .cu file.
#define EXPORT_ARGS_SIZE extern "C" __device__ unsigned char argsSize[sizeof(Args)];

struct bf16 {
  unsigned short bits;
};

__device__ __forceinline__ float lowBf16(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float highBf16(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

// Two floats to bfloat16, to nearest even.
__device__ __forceinline__ unsigned packBf16(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ __forceinline__ float toFloat(float x) { return x; }
__device__ __forceinline__ float toFloat(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

template <typename T>
__device__ __forceinline__ T fromFloat(float x);
template <>
__device__ __forceinline__ float fromFloat<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ bf16 fromFloat<bf16>(float x) {
  return bf16{(unsigned short)packBf16(x, 0.f)};
}

// N elements in 16 bytes.
template <typename T>
struct Vector;

template <>
struct Vector<float> {
  static constexpr int N = 4;
  static __device__ __forceinline__ void unpack(uint4 raw, float (&x)[4]) {
    x[0] = __uint_as_float(raw.x);
    x[1] = __uint_as_float(raw.y);
    x[2] = __uint_as_float(raw.z);
    x[3] = __uint_as_float(raw.w);
  }
  static __device__ __forceinline__ uint4 pack(const float (&x)[4]) {
    return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]), __float_as_uint(x[3]));
  }
};

template <>
struct Vector<bf16> {
  static constexpr int N = 8;
  static __device__ __forceinline__ void unpack(uint4 raw, float (&x)[8]) {
    x[0] = lowBf16(raw.x);
    x[1] = highBf16(raw.x);
    x[2] = lowBf16(raw.y);
    x[3] = highBf16(raw.y);
    x[4] = lowBf16(raw.z);
    x[5] = highBf16(raw.z);
    x[6] = lowBf16(raw.w);
    x[7] = highBf16(raw.w);
  }
  static __device__ __forceinline__ uint4 pack(const float (&x)[8]) {
    return make_uint4(packBf16(x[0], x[1]), packBf16(x[2], x[3]), packBf16(x[4], x[5]), packBf16(x[6], x[7]));
  }
};

// Loads without keeping the line in L1: for activations that no other thread of the multiprocessor reads.
__device__ __forceinline__ uint4 loadStream(const uint4* p) {
  uint4 v;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}

__device__ __forceinline__ float warpSum(float x) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    x += __shfl_xor_sync(0xffffffffu, x, step);
  }
  return x;
}

// The sum over a block of whole warps, in every thread. The order of summation depends only on the block's
// size. `partial` holds 32 floats; consecutive calls need different ones.
__device__ __forceinline__ float blockSum(float x, float* partial) {
  x = warpSum(x);
  const int lane = threadIdx.x & 31;
  if (lane == 0) {
    partial[threadIdx.x >> 5] = x;
  }
  __syncthreads();
  return warpSum(lane < (blockDim.x >> 5) ? partial[lane] : 0.f);
}
