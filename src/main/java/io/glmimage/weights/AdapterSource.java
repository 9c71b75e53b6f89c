package io.glmimage.weights;

import io.glmimage.io.FileSource;

/**
 * A LoRA adapter on any file system, to be inspected.
 *
 * @param scale factor of the change to the weights
 */
public record AdapterSource(FileSource source, double scale) {}
