package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.struct;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.BatchColumn;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Writes the answers to an OpenAI batch in its own format, in the order of the batch. The file
 * {@code output.jsonl} has the requests whose images all succeeded, {@code errors.jsonl} has the
 * others.
 */
public final class BatchFiles {
  private static final long MAX_FILE_BYTES = 1L << 30;
  private static final String OUTPUT = "-output.jsonl";
  private static final String ERRORS = "-errors.jsonl";

  private static final String NAME = "name";
  private static final String POSITION = "position";
  private static final String IMAGES = "images";

  private final SparkSession spark;
  private final Storage storage;
  private final OutputLayout output;

  public BatchFiles(SparkSession spark, Storage storage, OutputLayout output) {
    this.spark = spark;
    this.storage = storage;
    this.output = output;
  }

  /** Whether these are the results of a batch. */
  public static boolean isBatch(ResultsTable results) {
    List<String> columns = List.of(results.rows().columns());
    return Arrays.stream(BatchColumn.values()).allMatch(c -> columns.contains(c.column()));
  }

  /**
   * Writes both files, unless they were made of the same table already.
   *
   * @param inline whether answers hold the edited images, as base64, if the request does not say
   */
  public void write(ResultsTable results, boolean inline, Instant created) throws IOException {
    byte[] marker = TableMarker.madeOf(storage, output, inline ? "images" : "paths");
    if (TableMarker.isMadeOf(storage, output.answered(), marker)
        && storage.exists(output.batchOutput())
        && storage.exists(output.batchErrors())) {
      return;
    }
    storage.delete(output.answered());
    writeFiles(results, inline, created);
    storage.write(output.answered(), marker);
  }

  private void writeFiles(ResultsTable results, boolean inline, Instant created)
      throws IOException {
    Broadcast<HadoopSettings> hadoop =
        JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(storage.settings());
    long seconds = created.getEpochSecond();
    String parts = output.batchParts();
    storage.delete(parts);

    // 1. Tasks write the answers, which may hold images, to parts of the files.
    List<Integer> written =
        requests(results.rows())
            .javaRDD()
            .mapPartitionsWithIndex(
                (part, requests) -> {
                  writePart(requests, inline, seconds, hadoop.value().storage(), part(parts, part));
                  return List.of(part).iterator();
                },
                true)
            .collect();

    // 2. The driver joins the parts.
    join(output.batchOutput(), parts, written.size(), OUTPUT);
    join(output.batchErrors(), parts, written.size(), ERRORS);
    storage.delete(parts);
  }

  /** One row for each request of the batch, in order, with all images of the request. */
  private static Dataset<Row> requests(Dataset<Row> results) {
    return results
        // A line that is not JSON has no custom_id. It is one row, with a separate id.
        .groupBy(
            coalesce(col(BatchColumn.CUSTOM_ID.column()), col(ResultColumn.ID.column())).as(NAME))
        .agg(
            first(col(BatchColumn.CUSTOM_ID.column())).as(BatchColumn.CUSTOM_ID.column()),
            first(col(BatchColumn.RESPONSE_FORMAT.column()))
                .as(BatchColumn.RESPONSE_FORMAT.column()),
            min(col(ResultColumn.ROW_INDEX.column())).as(POSITION),
            collect_list(
                    struct(
                        col(BatchColumn.IMAGE.column()),
                        col(ResultColumn.STATUS.column()),
                        col(ResultColumn.ERROR_CLASS.column()),
                        col(ResultColumn.ERROR.column()),
                        col(ResultColumn.OUTPUT_PATH.column()),
                        col(ResultColumn.WIDTH.column()),
                        col(ResultColumn.HEIGHT.column()),
                        col(ResultColumn.SEED.column())))
                .as(IMAGES))
        .sort(POSITION);
  }

  private static BatchAnswer answer(Row request) {
    List<Row> images = new ArrayList<>(request.getList(request.fieldIndex(IMAGES)));
    images.sort(Comparator.comparingLong(image -> image.<Long>getAs(BatchColumn.IMAGE.column())));
    return new BatchAnswer(
        request.getAs(NAME),
        request.getAs(BatchColumn.CUSTOM_ID.column()),
        request.getAs(BatchColumn.RESPONSE_FORMAT.column()),
        images.stream().map(BatchFiles::image).toList());
  }

  private static BatchAnswer.Image image(Row row) {
    return new BatchAnswer.Image(
        row.getAs(ResultColumn.STATUS.column()),
        row.getAs(ResultColumn.ERROR_CLASS.column()),
        row.getAs(ResultColumn.ERROR.column()),
        row.getAs(ResultColumn.OUTPUT_PATH.column()),
        row.getAs(ResultColumn.WIDTH.column()),
        row.getAs(ResultColumn.HEIGHT.column()),
        row.getAs(ResultColumn.SEED.column()));
  }

  private static String part(String folder, int part) {
    return folder + "/" + part;
  }

  private static void writePart(
      Iterator<Row> requests, boolean inline, long seconds, Storage storage, String part)
      throws IOException {
    // A list, without the images themselves, because a failed write starts again.
    List<BatchAnswer> answers = new ArrayList<>();
    requests.forEachRemaining(request -> answers.add(answer(request)));
    storage.write(
        part + OUTPUT,
        outputs ->
            storage.write(
                part + ERRORS,
                errors -> {
                  for (BatchAnswer answer : answers) {
                    String json =
                        answer.json(inline, seconds, path -> storage.read(path, MAX_FILE_BYTES));
                    OutputStream out = answer.isError() ? errors : outputs;
                    out.write(json.getBytes(StandardCharsets.UTF_8));
                    out.write('\n');
                  }
                }));
  }

  private void join(String path, String parts, int count, String kind) throws IOException {
    storage.write(
        path,
        (OutputStream out) -> {
          for (int part = 0; part < count; part++) {
            try (InputStream in = storage.open(part(parts, part) + kind)) {
              in.transferTo(out);
            }
          }
        });
  }
}
