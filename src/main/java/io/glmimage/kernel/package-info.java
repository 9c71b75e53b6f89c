/**
 * The operations of the networks that have a CUDA kernel. Each operation has an interface X that
 * gives shapes and the least memory traffic. AtenX composes it of libtorch's operations, for any
 * device. CudaX launches a kernel of {@code resources/kernels}. {@link io.glmimage.kernel.Kernels}
 * chooses between them.
 *
 * <p>Operations that libtorch does well alone belong to {@code tensor}; what a network does with
 * operations belongs to {@code model}.
 */
package io.glmimage.kernel;
