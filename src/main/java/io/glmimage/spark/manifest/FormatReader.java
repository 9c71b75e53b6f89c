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
   * @throws UsageException if the manifest cannot be used as a whole
   * @throws IOException if a file cannot be read
   */
  Dataset<Row> read(ManifestSource source) throws IOException;
}
