/**
 * What a run has done: the ledger of finished rows, the commit of the result table, packed images
 * and batch answers. Nothing here edits.
 */
package io.glmimage.spark.results;
