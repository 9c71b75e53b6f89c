package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import java.io.IOException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Reads manifests of one format. Each format has its own implementation. */
interface FormatReader {
  /**
   * Reads a manifest that exists. A row that cannot be read has the reason in {@link
   * io.glmimage.manifest.InternalColumns#PROBLEM}; formats without such rows need not have the
   * column.
   *
   * <p>The rows must be in the same partitions and in the same order whenever they are read: their
   * positions are counted in one query and used in another. Plans of files and of RDDs with only
   * projections, filters and unions are like that. Of any other table, return {@code
   * spark.createDataFrame(table.javaRDD(), table.schema())}: an RDD keeps its partitions.
   *
   * @throws UsageException if the manifest cannot be used as a whole
   * @throws IOException if a file cannot be read
   */
  Dataset<Row> read(ManifestSource source) throws IOException;
}
