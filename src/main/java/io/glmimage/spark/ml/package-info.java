/** {@link io.glmimage.spark.ml.ImageEditor}, the Spark ML transformer, and what only it needs. */
package io.glmimage.spark.ml;
