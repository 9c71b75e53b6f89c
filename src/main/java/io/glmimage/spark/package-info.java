/**
 * The distributed part, in the order in which a row passes through it. {@code manifest} reads the
 * row, {@code run} plans and edits it, and {@code results} records it. {@code engine} has the
 * loaded models, and {@code weights} brings their files to the nodes. {@code ml} offers editing to
 * data frames. This package itself holds {@link io.glmimage.spark.SparkStep}, the description of
 * Spark jobs, and {@link io.glmimage.spark.ScalaMember}, for what differs between Spark's versions.
 *
 * <p>Order: ml uses run, run uses results, results uses manifest; run uses engine, engine uses
 * weights. {@code PackageRules} fails the build otherwise.
 */
package io.glmimage.spark;
