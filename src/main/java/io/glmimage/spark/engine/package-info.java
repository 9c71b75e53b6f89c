/**
 * Loaded models, by executor and device: opening and sharing engines, assigning GPUs, counters and
 * metrics. Manifests and tables are not known here; of a row, only its times and how it failed.
 */
package io.glmimage.spark.engine;
