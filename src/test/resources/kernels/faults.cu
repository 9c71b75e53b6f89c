// Faults on purpose, for tests of what happens then. zero is 0, which the compiler must not know.
#include "common.cuh"

struct Args {
  long long zero;
};
EXPORT_ARGS_SIZE

extern "C" __global__ void illegal_address(const __grid_constant__ Args a) { *(volatile int*)(a.zero + 8) = 1; }

extern "C" __global__ void endless(const __grid_constant__ Args a) {
  while (clock64() != a.zero) {
    __nanosleep(1000);
  }
}
