/**
 * Loaded models, by executor and device: opening and sharing engines, assigning GPUs, counters and
 * metrics. Rows and tables are not known here.
 */
package io.glmimage.spark.engine;
