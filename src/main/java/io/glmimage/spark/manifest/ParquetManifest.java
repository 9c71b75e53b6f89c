package io.glmimage.spark.manifest;

import java.io.IOException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Parquet manifests, read by Spark. */
final class ParquetManifest implements FormatReader {
  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    return LiteralPaths.parquet(source.spark(), source.storage(), source.path());
  }
}
