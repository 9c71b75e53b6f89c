/**
 * The operations that are worth a kernel of their own: one small interface each, with its shapes
 * and the memory traffic it cannot go below, and their compositions of libtorch operations.
 */
package io.glmimage.kernel;
