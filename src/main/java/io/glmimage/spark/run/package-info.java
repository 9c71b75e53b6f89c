/**
 * One run of the job on Spark: which rows are to do, how a partition edits them, and the progress
 * of the run. Also the handling of rows that may have killed a process, and of lost executors.
 *
 * <p>{@link io.glmimage.spark.run.EditRunner} is the driver's part. {@code PartitionRunner} is the
 * task, {@code PartitionAttempt} its loop. {@link io.glmimage.spark.run.RowPipeline} overlaps
 * reading, editing and writing; {@code ImageEditor} uses it as well. Result files and their commit
 * belong to {@code spark.results}, loaded models to {@code spark.engine}.
 */
package io.glmimage.spark.run;
