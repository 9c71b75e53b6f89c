/**
 * What a manifest row asks for: columns, defaults, ids and seeds; a row becomes a request or a
 * rejection. Knows no Spark.
 */
package io.glmimage.manifest;
