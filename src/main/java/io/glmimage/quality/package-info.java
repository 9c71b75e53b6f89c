/**
 * Judges edited images: figures of how much an image differs from its source, flags for edits that
 * probably failed, and maps of what changed. Only images are compared; what an edit was asked to do
 * is not known here.
 */
package io.glmimage.quality;
