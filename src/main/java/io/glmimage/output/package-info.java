/**
 * The form of a run's output: the paths in an output folder, the columns of the result table, the
 * files of edited images, the lock, and the report. Nothing here uses Spark: tables are in {@code
 * spark.results}.
 */
package io.glmimage.output;
