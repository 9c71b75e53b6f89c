package io.glmimage.spark.results;

import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import java.io.IOException;
import java.io.Serializable;
import java.util.Objects;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import scala.Tuple2;

/**
 * Packs the edited images of a finished run into few large files, in the format of a {@link
 * PackWriter}. File k holds the rows k * n to (k + 1) * n - 1 of the manifest that succeeded, in
 * order. So the manifest alone decides the content of a file, not the order of the tasks.
 */
public final class Packer {
  private final SparkSession spark;
  private final Storage storage;
  private final OutputLayout output;

  public Packer(SparkSession spark, Storage storage, OutputLayout output) {
    this.spark = spark;
    this.storage = storage;
    this.output = output;
  }

  /**
   * Packs the edited images as the options say. Packed images that would be the same are left in
   * place.
   *
   * @param manifestRows number of rows of the manifest
   */
  public void pack(ResultsTable results, EditedImageOptions options, long manifestRows)
      throws IOException {
    PackWriter writer = options.packing().writer();
    if (writer == null) {
      return;
    }
    String folder = output.folder(writer.folder());
    int rowsPerFile = writer.rowsPerFile(options);

    // 1. Compare with the packed images of earlier runs.
    byte[] marker = TableMarker.madeOf(storage, output, options.packing() + " " + rowsPerFile);
    if (storage.exists(folder) && TableMarker.isMadeOf(storage, output.packed(), marker)) {
      return;
    }

    // 2. Remove them. They may have another number of files.
    storage.delete(output.packed());
    storage.delete(folder);

    // 3. Write one file for each partition.
    Dataset<Row> rows = PackedRow.table(results.rows());
    int files = (int) Math.max(1, (manifestRows + rowsPerFile - 1) / rowsPerFile);
    JavaRDD<Row> byFile =
        rows.javaRDD()
            .mapToPair(row -> new Tuple2<>(new PackedRow(row).index(), row))
            .repartitionAndSortWithinPartitions(new ByIndex(files, rowsPerFile))
            .values();
    writer.write(
        byFile,
        new PackWriter.Target(
            spark,
            rows.schema(),
            folder,
            JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(storage.settings()),
            options));

    // 4. Mark them as complete.
    storage.write(output.packed(), marker);
  }

  /** Sends rows to files by their position in the manifest. */
  private static final class ByIndex extends Partitioner implements Serializable {
    private static final long serialVersionUID = 1L;
    private final int files;
    private final int rowsPerFile;

    ByIndex(int files, int rowsPerFile) {
      this.files = files;
      this.rowsPerFile = rowsPerFile;
    }

    @Override
    public int numPartitions() {
      return files;
    }

    @Override
    public int getPartition(Object index) {
      return (int) ((Long) index / rowsPerFile);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ByIndex that
          && files == that.files
          && rowsPerFile == that.rowsPerFile;
    }

    @Override
    public int hashCode() {
      return Objects.hash(files, rowsPerFile);
    }
  }
}
