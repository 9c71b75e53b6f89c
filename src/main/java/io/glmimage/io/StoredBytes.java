package io.glmimage.io;

/**
 * A file that was read.
 *
 * @param file state just before reading
 * @param bytes content
 */
public record StoredBytes(StoredFile file, byte[] bytes) {}
