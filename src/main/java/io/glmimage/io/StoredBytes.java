package io.glmimage.io;

/**
 * A file that was read.
 *
 * @param file its state just before
 * @param bytes its content
 */
public record StoredBytes(StoredFile file, byte[] bytes) {}
