// latents += delta * noise, in place, with noise = uncond + guidance * (cond - uncond); without an unconditional prediction
// noise = cond. With previous: latents += delta * (noise + extrapolation * (noise - previous)), then previous = noise.
// latents and previous [C, h, w] float32; predictions [h / p * w / p, C p p] bf16 or float32, token (r, c) holding (channel, y, x)
// of its patch; scalars [2] or [3] float32: delta, guidance, extrapolation. Arithmetic float32.
// Floor: 2 C h w elements of the predictions plus 2 C h w float32 moved, with previous 4 C h w float32.
// Tolerance against the float32 formula: 2 units in the last place.
#include "common.cuh"

struct Args {
  float* latents;
  const void* conditional;
  const void* unconditional;  // or null
  float* previous;  // or null
  const float* scalars;
  int channels;
  int height;
  int width;
  int patch;
};
EXPORT_ARGS_SIZE

template <typename T>
__device__ __forceinline__ void guidedEulerStep(const Args& a) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= a.channels * a.height * a.width) {
    return;
  }
  const int x = i % a.width;
  const int y = i / a.width % a.height;
  const int channel = i / a.width / a.height;
  const int p = a.patch;
  const size_t token = (size_t)(y / p) * (a.width / p) + x / p;
  const size_t at = (token * a.channels + channel) * p * p + y % p * p + x % p;
  float noise = toFloat(((const T*)a.conditional)[at]);
  if (a.unconditional != nullptr) {
    const float uncond = toFloat(((const T*)a.unconditional)[at]);
    noise = uncond + a.scalars[1] * (noise - uncond);
  }
  float direction = noise;
  if (a.previous != nullptr) {
    direction = noise + a.scalars[2] * (noise - a.previous[i]);
    a.previous[i] = noise;
  }
  a.latents[i] += a.scalars[0] * direction;
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) guided_euler_step_bf16(const __grid_constant__ Args a) { guidedEulerStep<bf16>(a); }
extern "C" __global__ void __launch_bounds__(BLOCK_THREADS) guided_euler_step_f32(const __grid_constant__ Args a) { guidedEulerStep<float>(a); }
