package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.struct;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.digest.Sha256;
import io.glmimage.error.ErrorClass;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.BatchColumn;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Writes the answers of an OpenAI batch in its formats: {@code output.jsonl} for the lines whose
 * pictures are all there, {@code errors.jsonl} for the others, each in the batch's order.
 */
public final class BatchFiles {
  private static final long MAX_FILE_BYTES = 1L << 30;
  private static final String OUTPUT = "-output.jsonl";
  private static final String ERRORS = "-errors.jsonl";
  private static final Set<String> OWN_FAULT =
      Set.of(
          ErrorClass.MODEL_ERROR.name(),
          ErrorClass.OUT_OF_MEMORY.name(),
          ErrorClass.PROCESS_CRASH.name());

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
   * Writes both files.
   *
   * @param inline whether lines that do not say get their pictures as base64 instead of addresses
   */
  public void write(ResultsTable results, boolean inline, Instant created) throws IOException {
    HadoopSettings hadoop = new HadoopSettings(spark.sparkContext().hadoopConfiguration());
    long seconds = created.getEpochSecond();
    // One row a line of the batch: its first index, and all its pictures.
    Dataset<Row> lines =
        results
            .rows()
            // A line that is no JSON has no custom_id; it is one row with a name of its own.
            .groupBy(
                coalesce(col(BatchColumn.CUSTOM_ID.column()), col(ResultColumn.ID.column()))
                    .as("name"))
            .agg(
                first(BatchColumn.CUSTOM_ID.column()).as("custom_id"),
                min(ResultColumn.ROW_INDEX.column()).as("at"),
                first(BatchColumn.RESPONSE_FORMAT.column()).as("format"),
                collect_list(
                        struct(
                            col(BatchColumn.PICTURE.column()),
                            col(ResultColumn.STATUS.column()),
                            col(ResultColumn.ERROR_CLASS.column()),
                            col(ResultColumn.ERROR.column()),
                            col(ResultColumn.OUTPUT_PATH.column()),
                            col(ResultColumn.WIDTH.column()),
                            col(ResultColumn.HEIGHT.column()),
                            col(ResultColumn.SEED.column())))
                    .as("pictures"))
            .sort("at");
    // Tasks write their answers, which may hold pictures; the driver only puts the files together.
    storage.delete(output.batchParts());
    String parts = output.batchParts();
    int count =
        lines
            .javaRDD()
            .mapPartitionsWithIndex(
                (part, rows) -> {
                  writePart(rows, inline, seconds, hadoop.storage(), part(parts, part));
                  return List.of(part).iterator();
                },
                true)
            .collect()
            .size();
    putTogether(output.batchOutput(), parts, count, OUTPUT);
    putTogether(output.batchErrors(), parts, count, ERRORS);
    storage.delete(output.batchParts());
  }

  private static String part(String folder, int part) {
    return folder + "/" + part;
  }

  private static void writePart(
      Iterator<Row> rows, boolean inline, long seconds, Storage storage, String part)
      throws IOException {
    storage.write(
        part + OUTPUT,
        answers ->
            storage.write(
                part + ERRORS,
                errors -> {
                  while (rows.hasNext()) {
                    String line = answer(rows.next(), inline, seconds, storage);
                    OutputStream out = isOutput(line) ? answers : errors;
                    out.write(line.substring(1).getBytes(StandardCharsets.UTF_8));
                    out.write('\n');
                  }
                }));
  }

  private void putTogether(String path, String parts, int count, String kind) throws IOException {
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

  private static boolean isOutput(String line) {
    return line.charAt(0) == '+';
  }

  /** A line of the answer behind {@code +} or {@code -}, for which of the two files it is. */
  private static String answer(Row row, boolean inline, long created, Storage storage)
      throws IOException {
    ObjectMapper json = new ObjectMapper();
    String name = row.getString(0);
    String customId = row.getString(1);
    List<Row> pictures = new ArrayList<>(row.getList(4));
    pictures.sort(Comparator.comparingLong(picture -> picture.getLong(0)));
    List<Row> failed =
        pictures.stream().filter(p -> !ResultStatus.OK.name().equals(p.getString(1))).toList();
    ObjectNode line = json.createObjectNode();
    line.put("id", "batch_req_" + digest(name));
    line.put("custom_id", customId);
    ObjectNode response = line.putObject("response");
    response.put("status_code", failed.isEmpty() ? 200 : status(failed.get(0)));
    response.put("request_id", "req_" + digest("request " + name));
    ObjectNode body = response.putObject("body");
    if (failed.isEmpty()) {
      body.put("created", created);
      ArrayNode data = body.putArray("data");
      String format = row.getString(3);
      boolean base64 = format == null ? inline : format.equals("b64_json");
      for (Row picture : pictures) {
        ObjectNode item = data.addObject();
        if (base64) {
          byte[] file = storage.read(picture.getString(4), MAX_FILE_BYTES);
          item.put("b64_json", Base64.getEncoder().encodeToString(file));
        } else {
          item.put("url", picture.getString(4));
        }
        item.put("seed", picture.getLong(7));
      }
      Row picture = pictures.get(0);
      body.put("size", picture.getInt(5) + "x" + picture.getInt(6));
      String path = picture.getString(4);
      body.put("output_format", EditedImageFormat.ofFile(path).label());
    } else {
      Row worst = failed.get(0);
      ObjectNode error = body.putObject("error");
      String more =
          pictures.size() == 1
              ? ""
              : " (" + failed.size() + " of " + pictures.size() + " pictures failed)";
      error.put("message", worst.getString(3) + more);
      error.put(
          "type",
          OWN_FAULT.contains(worst.getString(2)) ? "server_error" : "invalid_request_error");
      error.putNull("param");
      error.put("code", worst.getString(2).toLowerCase(Locale.ROOT));
    }
    line.putNull("error");
    return (failed.isEmpty() ? "+" : "-") + json.writeValueAsString(line);
  }

  private static int status(Row failed) {
    return OWN_FAULT.contains(failed.getString(2)) ? 500 : 400;
  }

  private static String digest(String text) {
    return Sha256.hex(text).substring(0, 32);
  }
}
