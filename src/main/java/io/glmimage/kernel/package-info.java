/**
 * The networks' fused operations: one small interface each, with an implementation from libtorch
 * operations for every device.
 */
package io.glmimage.kernel;
