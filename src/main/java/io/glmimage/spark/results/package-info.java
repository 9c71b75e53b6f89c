/**
 * What a run leaves behind: the ledger of finished rows, the result table and its commit, packed
 * images, batch answers, the report. Nothing here edits images. The words:
 *
 * <ul>
 *   <li>row: a line of the manifest
 *   <li>result row: how a row ended, a line of the result table
 *   <li>journal: which rows are in work
 *   <li>ledger: the result rows of finished rows, before the result table has them
 *   <li>orphan: a result row whose row has left the manifest
 * </ul>
 *
 * <p>Tasks write the journal and the ledger ({@link io.glmimage.spark.results.TaskLedger}). The
 * driver reads everything that is stored ({@link io.glmimage.spark.results.StoredResults}) and
 * writes the table ({@link io.glmimage.spark.results.ResultsCommit}).
 */
package io.glmimage.spark.results;
