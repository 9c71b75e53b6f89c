package io.glmimage.weights;

import java.nio.file.Path;

/**
 * A LoRA adapter on a local disk, to be merged into a checkpoint.
 *
 * @param folder has the files that {@link AdapterFiles} selects
 * @param name the folder as messages name it
 * @param scale factor of the change to the weights; 0 changes nothing
 */
public record Adapter(Path folder, String name, double scale) {}
