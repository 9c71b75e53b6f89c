/**
 * Checkpoints as files: folders and configuration, safetensors, identity of a model, loading
 * tensors, the cache of a node, chunks with checksums. How a checkpoint reaches other hosts belongs
 * to {@code spark.weights}.
 */
package io.glmimage.weights;
