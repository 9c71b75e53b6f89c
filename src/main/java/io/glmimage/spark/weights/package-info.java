/**
 * How a checkpoint reaches the executors: broadcast in chunks, read directly, or found on the node.
 * Loading it into memory belongs to {@code io.glmimage.spark.engine}.
 */
package io.glmimage.spark.weights;
