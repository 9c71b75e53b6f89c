/**
 * Manifests as Spark tables: one reader a format, row identity, planned rows, checks, and reading
 * source images. The meaning of a row is defined in {@code io.glmimage.manifest}. Nothing here
 * edits images or writes results.
 */
package io.glmimage.spark.manifest;
