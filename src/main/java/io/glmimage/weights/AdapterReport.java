package io.glmimage.weights;

import java.util.SortedMap;

/**
 * A LoRA adapter that fits a checkpoint.
 *
 * @param location the adapter's folder
 * @param scale factor of its change
 * @param layers number of changed layers, by component
 */
public record AdapterReport(String location, double scale, SortedMap<String, Integer> layers) {}
