/**
 * Manifests as Spark tables: one class for each format, row identity, checks, and reading source
 * images. What a row means is decided in {@code io.glmimage.manifest}; nothing here edits or writes
 * results.
 */
package io.glmimage.spark.manifest;
