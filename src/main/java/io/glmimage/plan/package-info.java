/**
 * How rows are divided into partitions and batches: an immutable plan from a number of rows and
 * slots. It knows neither Spark nor GPUs, so it is tested without them.
 */
package io.glmimage.plan;
