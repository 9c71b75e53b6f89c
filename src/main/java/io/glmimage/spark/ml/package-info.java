/**
 * {@link io.glmimage.spark.ml.ImageEditor}, the Spark ML transformer, and the forms of its columns.
 * The work of a partition is done by {@link io.glmimage.spark.run.RowPipeline}, as in the job.
 * Manifests, resuming and result tables belong to the job, not here.
 */
package io.glmimage.spark.ml;
