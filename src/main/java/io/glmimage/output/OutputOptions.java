package io.glmimage.output;

import java.io.Serializable;

/**
 * Where results go.
 *
 * @param path the output folder
 * @param overwrite whether earlier results there are removed first
 */
public record OutputOptions(String path, boolean overwrite) implements Serializable {}
