/**
 * The division of rows into partitions and batches, by what the rows cost: options, cost of a row,
 * planner and the immutable plan. This package uses neither Spark nor a GPU. Of a row, it knows
 * only what decides its cost.
 */
package io.glmimage.plan;
