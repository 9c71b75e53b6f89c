/**
 * The division of rows into partitions and batches: options, planner and the immutable plan. This
 * package uses neither Spark nor a GPU, and knows nothing about the content of rows.
 */
package io.glmimage.plan;
