/**
 * libtorch from Java: loading it, the device and dtype of a network, the lifetime of native
 * objects, tensor operations, and random numbers. The only package other than {@code kernel} that
 * calls CUDA's runtime. Operations with a CUDA kernel belong to {@code kernel}, networks to {@code
 * model}.
 */
package io.glmimage.tensor;
