package io.glmimage.spark.results;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.Redaction;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.output.LedgerJson;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultRow;
import io.glmimage.output.RowTimes;
import io.glmimage.output.Verdict;
import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityFlag;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.ManifestTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Manifests, result rows and edited images of a few rows, without editing. */
final class ResultsFixture {
  private static final String MODEL = "model digest";
  private static final EditDefaults DEFAULTS =
      new EditDefaults(1, 20, 1.5, 64, 64, EditDefaults.DEFAULT_MAX_PIXELS);

  final SparkSession spark;
  private final Broadcast<HadoopSettings> hadoop;
  final Storage storage;
  private final Path folder;
  private final Map<String, String> fingerprints = new HashMap<>();

  ResultsFixture(SparkSession spark, Path folder) {
    this.spark = spark;
    this.folder = folder;
    HadoopSettings settings =
        new HadoopSettings(spark.sparkContext().hadoopConfiguration(), new Retries(1, 1));
    this.hadoop = JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(settings);
    this.storage = settings.storage();
  }

  /** A manifest of rows with these ids; the column {@code label} passes through. */
  IdentifiedRows manifest(String... ids) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (String id : ids) {
      lines.append(
          "{\"id\": \"%s\", \"prompt\": \"p %s\", \"image_paths\": \"0.png\", \"label\": \"l%s\"}\n"
              .formatted(id, id, id));
    }
    Path file = folder.resolve("manifest-" + String.join("", ids) + ".jsonl");
    Files.writeString(file, lines);
    ManifestOptions options = new ManifestOptions(file.toString(), Map.of(), List.of());
    IdentifiedRows rows = ManifestTable.open(spark, storage, options, DEFAULTS).identify();
    for (Row row : rows.planned(MODEL).collectAsList()) {
      fingerprints.put(row.getAs(InternalColumns.ID), row.getAs(InternalColumns.FINGERPRINT));
    }
    return rows;
  }

  Dataset<Row> planned(IdentifiedRows manifest) {
    return manifest.planned(MODEL).cache();
  }

  private ManifestRow row(String id) {
    return new ManifestRow(
        id.charAt(0) - 'a',
        id,
        "p " + id,
        List.of("0.png"),
        List.of("0.png"),
        new EditSettings(64, 64, 20, 1.5, 7, 0));
  }

  private ResultRow.Origin origin(String id, String run) {
    return new ResultRow.Origin(fingerprints.getOrDefault(id, "left"), "sources", run);
  }

  /** The result row of a successful row. */
  ResultRow done(String id, String run, String extension) {
    return ResultRow.done(
        row(id),
        new ResultRow.EditedFile("images/" + id + extension, "sha " + id + run, 64, 96),
        new Verdict(QualityFlag.OK, new QualityFigures(0.25, 0.5, 20.0, 0.125)),
        new RowTimes(0.25, 2, 0.5, 1, 0.25, 0.125),
        "m",
        origin(id, run));
  }

  /** The result row of a failed row. */
  ResultRow failed(String id, String run) {
    return ResultRow.failed(
        row(id), ErrorClass.MODEL_ERROR, "why " + id, RowTimes.NONE, "m", origin(id, run));
  }

  /** Writes a ledger of finished rows, and their edited images. */
  void finish(OutputLayout output, String run, ResultRow... rows) throws IOException {
    List<String> ledger = new ArrayList<>();
    for (ResultRow row : rows) {
      ledger.add(LedgerJson.row(row.values(Redaction.ofPatterns())));
      if (row.edited() != null) {
        String path = row.edited().path();
        String name = path.substring(path.indexOf("images/"));
        storage.write(output.folder(name), new byte[1]);
      }
    }
    storage.write(output.ledger() + "/" + run + "/part-0.json", LedgerJson.file(ledger));
    storage.write(
        output.journal() + "/" + run + "/1/7.json",
        "{\"state\":\"left\",\"process\":\"gone\",\"rows\":[]}".getBytes(StandardCharsets.UTF_8));
  }

  StoredResults stored(OutputLayout output) {
    return new StoredResults(spark, hadoop, output);
  }

  /** A commit with files of at most three rows. */
  ResultsCommit commit(OutputLayout output) {
    return new ResultsCommit(spark, hadoop, output, stored(output), 3);
  }

  /** The rows of the table by id, as text. */
  Map<String, String> table(OutputLayout output) {
    Map<String, String> byId = new TreeMap<>();
    for (Row row : spark.read().parquet(output.results()).collectAsList()) {
      String id = row.getAs(ResultColumn.ID.column());
      if (byId.put(id, row.toString()) != null) {
        throw new AssertionError("two result rows of " + id);
      }
    }
    return byId;
  }

  /** The newest result rows of all ids, as {@code id run}, sorted. */
  List<String> newest(OutputLayout output) throws IOException {
    return stored(output).newestRows(List.of(ResultColumn.RUN)).collectAsList().stream()
        .map(row -> row.getAs("id") + " " + row.getAs("run"))
        .sorted()
        .toList();
  }

  /** All files and folders below a folder, by relative path, sorted. */
  static List<String> tree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .map(file -> folder.relativize(file).toString())
          .filter(name -> !name.isEmpty())
          .sorted()
          .toList();
    }
  }

  /** Copies a folder. */
  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
