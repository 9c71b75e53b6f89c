/**
 * Checkpoint files: folders and configurations, safetensors files, LoRA adapters, the identity of a
 * model, loading of tensors, a node's cache, and chunks with checksums. The package {@code
 * spark.weights} transfers checkpoints to other hosts.
 */
package io.glmimage.weights;
