/**
 * The meaning of a manifest row: fields, formats, defaults, limits, ids, seeds and fingerprints. A
 * row becomes a {@link io.glmimage.manifest.ManifestRow} or a {@link
 * io.glmimage.manifest.Rejection}.
 *
 * <p>Reading a text format belongs here, one class a format. Manifests as Spark tables, and reading
 * source images, belong in {@code io.glmimage.spark.manifest}. This package does not use Spark.
 */
package io.glmimage.manifest;
