package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.manifest.BatchColumn;
import io.glmimage.output.OutputLayout;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.WatchedFileSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class BatchFilesTest extends TinySpark {
  @TempDir private Path folder;

  private static StructType schema() {
    StructType passedThrough = new StructType();
    for (BatchColumn column : BatchColumn.values()) {
      passedThrough =
          passedThrough.add(
              column.column(), column.isNumber() ? DataTypes.LongType : DataTypes.StringType);
    }
    return ResultsTable.schema(passedThrough);
  }

  /** A row of a batch; {@code error} is null if it succeeded. */
  private static Row row(long index, String id, String customId, long image, String error) {
    StructType schema = schema();
    Object[] values = new Object[schema.size()];
    values[schema.fieldIndex("row_index")] = index;
    values[schema.fieldIndex("id")] = id;
    values[schema.fieldIndex("status")] = error == null ? "OK" : "FAILED";
    values[schema.fieldIndex("error_class")] = error;
    values[schema.fieldIndex("error")] = error == null ? null : "why";
    values[schema.fieldIndex("output_path")] = error == null ? "images/" + id + ".png" : null;
    values[schema.fieldIndex("width")] = 64;
    values[schema.fieldIndex("height")] = 32;
    values[schema.fieldIndex("seed")] = 10 + image;
    values[schema.fieldIndex("seconds")] = 1.0;
    values[schema.fieldIndex("custom_id")] = customId;
    values[schema.fieldIndex("batch_picture")] = image;
    return RowFactory.create(values);
  }

  private ResultsTable table(Row... rows) throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    spark
        .createDataFrame(List.of(rows), schema())
        .repartition(3)
        .write()
        .mode("overwrite")
        .parquet(output.results());
    return ResultsTable.open(spark, new Storage(new Configuration()), output.root());
  }

  private List<String> customIds(String file) throws IOException {
    List<String> ids = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(file))) {
      ids.add(new ObjectMapper().readTree(line).path("custom_id").asText());
    }
    return ids;
  }

  @Test
  void answersAreInTheOrderOfTheBatch() throws Exception {
    ResultsTable table =
        table(
            row(5, "z", "zeta", 1, null),
            row(1, "b-2", "beta", 2, null),
            row(0, "b-1", "beta", 1, null),
            row(2, "row-1", null, 1, "INVALID_ROW"),
            row(3, "a", "alpha", 1, null),
            row(4, "c", "gamma", 1, "MODEL_ERROR"));
    assertTrue(BatchFiles.isBatch(table));
    OutputLayout output = new OutputLayout(folder.toString());
    new BatchFiles(spark, new Storage(new Configuration()), output)
        .write(table, false, Instant.EPOCH);
    assertEquals(List.of("beta", "alpha", "zeta"), customIds("output.jsonl"));
    assertEquals(List.of("null", "gamma"), customIds("errors.jsonl"));
    String beta = Files.readAllLines(folder.resolve("output.jsonl")).get(0);
    assertTrue(
        beta.contains(
            "[{\"url\":\"images/b-1.png\",\"seed\":11},{\"url\":\"images/b-2.png\",\"seed\":12}]"),
        beta);
    assertFalse(Files.exists(folder.resolve("_run/batch")));
  }

  @Test
  void tasksTryAFileAsOftenAsTheStorageSays() throws Exception {
    ResultsTable table = table(row(0, "a", "alpha", 1, null));
    Storage storage = new Storage(spark.sparkContext().hadoopConfiguration(), new Retries(7, 1));
    AtomicInteger left = WatchedFileSystem.failFirst("batch", 6);
    new BatchFiles(spark, storage, new OutputLayout("watched://batch" + folder))
        .write(table, false, Instant.EPOCH);
    assertEquals(0, left.get());
    assertEquals(List.of("alpha"), customIds("output.jsonl"));
  }

  @Test
  void aTableWithoutBatchColumnsIsNotABatch() throws Exception {
    OutputLayout output = new OutputLayout(folder.toString());
    spark
        .createDataFrame(List.<Row>of(), ResultsTable.schema(new StructType()))
        .write()
        .parquet(output.results());
    assertFalse(
        BatchFiles.isBatch(
            ResultsTable.open(spark, new Storage(new Configuration()), output.root())));
  }
}
