/**
 * Runs a planned manifest on Spark: reads and writes tables, holds one engine per executor, edits
 * partitions.
 */
package io.glmimage.spark;
