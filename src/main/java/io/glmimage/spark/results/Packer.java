package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.EditedImageOptions;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.Packing;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.TarWriter;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Tuple2;

/**
 * Packs the pictures of a finished run into few large files: WebDataset shards or a Parquet table.
 * Shard k holds the pictures of the manifest rows k * shardRows to (k + 1) * shardRows - 1, in
 * order: what lies where depends on the manifest only, not on which task was when done. Each shard
 * appears whole or not at all.
 */
public final class Packer {
  /** No picture of this program is larger. */
  private static final long MAX_FILE_BYTES = 1L << 30;

  private static final int MAX_NOTE_BYTES = 1 << 20;

  /** Pictures of one Parquet file. */
  private static final int ROWS_PER_FILE = 1000;

  private final SparkSession spark;
  private final OutputLayout output;

  public Packer(SparkSession spark, OutputLayout output) {
    this.spark = spark;
    this.output = output;
  }

  /**
   * Packs, where the options want that.
   *
   * @param manifestRows rows of the manifest
   */
  public void pack(ResultsTable results, EditedImageOptions options, long manifestRows)
      throws IOException {
    if (options.packing() == Packing.FILES) {
      return;
    }
    HadoopSettings hadoop = new HadoopSettings(spark.sparkContext().hadoopConfiguration());
    Storage storage = hadoop.storage();
    boolean shards = options.packing() == Packing.WEBDATASET;
    String folder = shards ? output.shards() : output.pictures();
    int size = shards ? options.shardRows() : ROWS_PER_FILE;
    byte[] packed = packed(storage, options.packing() + " " + size);
    if (storage.exists(folder) && isPacked(storage, packed)) {
      return;
    }
    storage.delete(output.packed());
    // Of an earlier run, with another number of rows maybe.
    storage.delete(folder);
    Dataset<Row> rows = rows(results.rows());
    int count = (int) Math.max(1, (manifestRows + size - 1) / size);
    JavaPairRDD<Long, Row> byIndex =
        rows.javaRDD()
            .mapToPair(row -> new Tuple2<>(row.getLong(0), row))
            .repartitionAndSortWithinPartitions(new Shards(count, size));
    if (shards) {
      EditedImageFormat format = options.format();
      byIndex
          .values()
          .mapPartitionsWithIndex(
              (shard, pictures) -> {
                if (pictures.hasNext()) {
                  write(hadoop.storage(), folder, shard, count, format, pictures);
                }
                return List.<Void>of().iterator();
              },
              true)
          .count();
    } else {
      JavaRDD<Row> pictures =
          byIndex
              .values()
              .map(
                  row -> {
                    Object[] values = new Object[row.size()];
                    for (int i = 0; i < values.length; i++) {
                      values[i] = row.get(i);
                    }
                    int path = row.size() - 1;
                    values[path] = read(hadoop.storage(), row.getString(path));
                    return RowFactory.create(values);
                  });
      StructType schema = new StructType();
      for (int i = 0; i < rows.columns().length - 1; i++) {
        schema = schema.add(rows.schema().fields()[i]);
      }
      spark
          .createDataFrame(pictures, schema.add("image", DataTypes.BinaryType))
          .write()
          .mode(SaveMode.Overwrite)
          .parquet(folder);
    }
    storage.write(output.packed(), packed);
  }

  /** Tells what is packed how. */
  private byte[] packed(Storage storage, String how) throws IOException {
    TableMarker table = TableMarker.read(storage, output);
    return (how + " of " + (table == null ? "no table" : table.run()))
        .getBytes(StandardCharsets.UTF_8);
  }

  private boolean isPacked(Storage storage, byte[] packed) throws IOException {
    try {
      return Arrays.equals(packed, storage.read(output.packed(), MAX_NOTE_BYTES));
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  /** Index, id, prompt, settings as columns, the other columns as JSON, and last the path. */
  private static Dataset<Row> rows(Dataset<Row> results) {
    List<Column> columns = new ArrayList<>();
    for (ResultColumn column :
        List.of(
            ResultColumn.ROW_INDEX,
            ResultColumn.ID,
            ResultColumn.PROMPT,
            ResultColumn.IMAGE_PATHS,
            ResultColumn.WIDTH,
            ResultColumn.HEIGHT,
            ResultColumn.SEED,
            ResultColumn.NUM_INFERENCE_STEPS,
            ResultColumn.GUIDANCE_SCALE,
            ResultColumn.MODEL)) {
      columns.add(col(column.column()));
    }
    Column[] others =
        Arrays.stream(results.columns())
            .filter(name -> !ResultColumn.names().contains(name))
            .map(name -> col("`" + name + "`"))
            .toArray(Column[]::new);
    columns.add(
        (others.length == 0 ? lit(null).cast(DataTypes.StringType) : to_json(struct(others)))
            .as("columns"));
    columns.add(col(ResultColumn.OUTPUT_PATH.column()));
    return results
        .filter(col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()))
        .select(columns.toArray(Column[]::new));
  }

  private static void write(
      Storage storage,
      String folder,
      int shard,
      int shards,
      EditedImageFormat format,
      Iterator<Row> pictures)
      throws IOException {
    String name = String.format(Locale.ROOT, "%s/shard-%06d-of-%06d.tar", folder, shard, shards);
    // Held, without the pictures themselves, since writing may have to begin again.
    List<Row> rows = new ArrayList<>();
    pictures.forEachRemaining(rows::add);
    storage.write(
        name,
        out -> {
          TarWriter tar = new TarWriter(out);
          for (Row row : rows) {
            // WebDataset's keys end at the first dot, so the key is not the id.
            String key = String.format(Locale.ROOT, "%012d", row.getLong(0));
            tar.file(key + format.extension(), read(storage, row.getString(row.size() - 1)));
            tar.file(key + ".json", SampleJson.of(row).getBytes(StandardCharsets.UTF_8));
            String prompt = row.getString(2);
            tar.file(key + ".txt", prompt.getBytes(StandardCharsets.UTF_8));
          }
          tar.finish();
        });
  }

  private static byte[] read(Storage storage, String path) {
    try {
      return storage.read(path, MAX_FILE_BYTES);
    } catch (IOException e) {
      throw new JobException("Cannot pack picture " + path + ": " + e.getMessage(), e);
    }
  }

  /** Which shard a row belongs to. */
  private static final class Shards extends Partitioner implements Serializable {
    private static final long serialVersionUID = 1L;
    private final int count;
    private final int size;

    Shards(int count, int size) {
      this.count = count;
      this.size = size;
    }

    @Override
    public int numPartitions() {
      return count;
    }

    @Override
    public int getPartition(Object index) {
      return (int) ((Long) index / size);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Shards that && count == that.count && size == that.size;
    }

    @Override
    public int hashCode() {
      return 31 * count + size;
    }
  }
}
