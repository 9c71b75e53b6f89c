package io.glmimage.output;

/**
 * What an operation of the model ran on.
 *
 * @param choice {@code "fused"}, {@code "native"}, or both where calls or executors differ
 * @param reason why, in words
 */
public record KernelUse(String choice, String reason) {}
