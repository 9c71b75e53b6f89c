package io.glmimage.weights;

/**
 * What a LoRA adapter does to the weights, wherever it is.
 *
 * @param location the adapter's folder
 * @param scale factor of its change
 * @param sha256 digest of its files; see {@link AdapterFiles#digest}
 */
public record AdapterIdentity(String location, double scale, String sha256) {}
