/**
 * The distributed part, along a row's way: {@code manifest} reads it, {@code run} plans and edits
 * it on an engine from {@code engine}, whose model came by {@code weights}, and {@code results}
 * records it. {@code ml} offers the same to data frames. This package itself holds only {@link
 * io.glmimage.spark.SparkStep}, the description of Spark jobs.
 *
 * <p>Order: ml uses run, run uses results, results uses manifest; run uses engine, engine uses
 * weights. {@code PackageRules} fails the build otherwise.
 */
package io.glmimage.spark;
