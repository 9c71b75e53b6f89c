package io.glmimage.spark.manifest;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** A small local Spark session, and manifests in a folder. Tests of one class share it. */
final class LocalSpark implements AutoCloseable {
  static final EditDefaults DEFAULTS = new EditDefaults(7, 20, 1.5, null, null, 1 << 20);

  private final SparkSession spark =
      SparkSession.builder()
          .master("local[2]")
          .config("spark.ui.enabled", "false")
          .config("spark.sql.shuffle.partitions", "2")
          .getOrCreate();

  SparkSession session() {
    return spark;
  }

  HadoopSettings hadoop() {
    return new HadoopSettings(spark.sparkContext().hadoopConfiguration());
  }

  Storage storage() {
    return hadoop().storage();
  }

  /** Writes a text manifest. */
  static Path text(Path file, String... lines) throws IOException {
    Files.createDirectories(file.getParent());
    return Files.writeString(file, String.join("\n", lines) + "\n");
  }

  /** Writes a Parquet manifest of several files. */
  Path parquet(Path folder, StructType schema, Row... rows) {
    spark.createDataFrame(List.of(rows), schema).repartition(2).write().parquet(folder.toString());
    return folder;
  }

  ManifestTable open(Path manifest) {
    return open(new ManifestOptions(manifest.toString(), Map.of(), List.of()));
  }

  ManifestTable open(ManifestOptions options) {
    return ManifestTable.open(spark, storage(), options, DEFAULTS);
  }

  /** The planned rows of a manifest in its order. */
  List<PlannedRow> planned(Path manifest) {
    return open(manifest)
        .identify()
        .planned("model")
        .orderBy(InternalColumns.INDEX)
        .collectAsList()
        .stream()
        .map(PlannedRow::of)
        .toList();
  }

  @Override
  public void close() {
    spark.stop();
  }
}
