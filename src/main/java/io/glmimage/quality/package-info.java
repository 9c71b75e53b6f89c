/**
 * Judges edited images: figures of how much an image differs from its source, flags for edits that
 * probably failed, and maps of what changed. Only images are compared: the prompt is not known
 * here. When a flagged row is edited again is decided in {@code spark.run}.
 */
package io.glmimage.quality;
