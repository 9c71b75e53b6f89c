/**
 * The form of a run's output: paths in an output folder, columns of the result table, files of
 * edited images, the lock, and the report. Nothing here uses Spark: tables are in {@code
 * spark.results}.
 */
package io.glmimage.output;
