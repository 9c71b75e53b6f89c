/**
 * The transfer of a checkpoint to the executors: broadcast in chunks, direct reads by the nodes, or
 * a copy that a node already has. The package {@code io.glmimage.spark.engine} loads the checkpoint
 * into memory.
 */
package io.glmimage.spark.weights;
