/**
 * libtorch from Java: loading it, memory scopes, devices and their thread, common operations,
 * random numbers that equal PyTorch's. Operations with a CUDA kernel belong to {@code kernel},
 * networks to {@code model}.
 */
package io.glmimage.tensor;
