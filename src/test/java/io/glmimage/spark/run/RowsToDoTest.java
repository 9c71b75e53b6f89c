package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.spark.PlanShape;
import io.glmimage.spark.TinySpark;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Decisions about rows. The columns are those of a plan and one more. */
@Tag("resume")
@Tag("spark")
class RowsToDoTest extends TinySpark {
  private static final StructType VALUES =
      StructType.fromDDL(
          "prompt string, image_paths array<string>, rejection string, sources array<string>,"
              + " height int, width int, num_inference_steps int, guidance_scale double,"
              + " seed bigint, step_cache double, solver string, exact_size boolean, large_sources string,"
              + " max_pixels bigint, mask_path string");
  private static final StructType SCHEMA =
      new StructType()
          .add(InternalColumns.INDEX, "long")
          .add(InternalColumns.ID, "string")
          .add(InternalColumns.FINGERPRINT, "string")
          .add(InternalColumns.ROW, VALUES)
          .add("la.bel", "string");
  private static final StructType RESULT =
      new StructType()
          .add(ResultColumn.ID.column(), "string")
          .add(ResultColumn.STATUS.column(), "string")
          .add(ResultColumn.FINGERPRINT.column(), "string")
          .add(ResultColumn.SOURCES_FINGERPRINT.column(), "string")
          .add(ResultColumn.RUN.column(), "string");

  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());
  private final ExecutorService threads = Executors.newFixedThreadPool(2);
  private Path source;

  @BeforeEach
  void files() throws IOException {
    source = Files.writeString(folder.resolve("0.png"), "source");
    Files.createDirectories(folder.resolve("out/images"));
    Files.writeString(folder.resolve("out/images/a.png"), "edited");
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  /** Fingerprint of the source image as it is now. */
  private String sources() throws IOException {
    return RowFingerprint.ofSources(List.of(storage.stat(source.toString()).version()));
  }

  /** The newest result of the row; null if it has none. */
  private static Row row(String status, String fingerprint, String sources) {
    return status == null ? null : RowFactory.create("a", status, fingerprint, sources, "run-2");
  }

  private Dataset<Row> planned() {
    String[] paths = {source.toString()};
    Row values =
        RowFactory.create(
            "p", paths, null, paths, null, null, 3, 1.5, 7L, 0.0, "EULER", true, "FIT", 1L << 22,
            null);
    return spark.createDataFrame(List.of(RowFactory.create(0L, "a", "now", values, "l")), SCHEMA);
  }

  private RowsToDo files(boolean changeMaps) {
    return new RowsToDo(
        new OutputLayout(folder + "/out"),
        EditedImageFormat.PNG,
        changeMaps,
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .broadcast(new HadoopSettings(new Configuration())));
  }

  private boolean isToDo(Row result, boolean keepFailed, RowsToDo files) {
    return isToDo(result, keepFailed, files, Map.of());
  }

  private boolean isToDo(
      Row result, boolean keepFailed, RowsToDo files, Map<String, String> runsInWork) {
    Dataset<Row> planned = planned();
    Dataset<Row> results =
        spark.createDataFrame(result == null ? List.of() : List.of(result), RESULT);
    Dataset<Row> marked = RowsToDo.marked(planned, results, keepFailed, runsInWork, files);
    assertEquals(planned.schema().catalogString(), marked.schema().catalogString());
    Row before = planned.head();
    Row after = marked.head();
    for (int i = 0; i < before.size(); i++) {
      if (i != 3) {
        assertEquals(before.get(i), after.get(i));
      }
    }
    if (after.get(3) == null) {
      return false;
    }
    assertEquals(before, after);
    return true;
  }

  @Test
  void rowsWithoutAResultOrWithAnotherFingerprintAreToDo() throws IOException {
    RowsToDo options = files(false);
    assertTrue(isToDo(row(null, null, null), false, options));
    assertTrue(isToDo(row("OK", "before", sources()), false, options));
    assertFalse(isToDo(row("OK", "now", sources()), false, options));
  }

  @Test
  void withoutTheCheckOfFilesRowsAreMarkedByExpressions() throws ReflectiveOperationException {
    Dataset<Row> results = spark.createDataFrame(List.of(row("OK", "now", "s")), RESULT);
    assertEquals(
        List.of(),
        PlanShape.rowByRow(
            RowsToDo.marked(planned(), results, false, Map.of("b", "run-3", "c", "run-1"), null)));
    assertNotEquals(
        List.of(),
        PlanShape.rowByRow(RowsToDo.marked(planned(), results, false, Map.of(), files(false))));
  }

  @Test
  void rowsThatWereInWorkAtTheEndOfALaterRunAreToDo() throws IOException {
    assertTrue(isToDo(Map.of("a", "run-3")), "its edited image may be of run 3");
    assertFalse(isToDo(Map.of("a", "run-2")), "run 2 finished the row after its journal");
    assertFalse(isToDo(Map.of("a", "run-1")));
    assertFalse(isToDo(Map.of("b", "run-3")), "another row");
  }

  private boolean isToDo(Map<String, String> runsInWork) throws IOException {
    return isToDo(row("OK", "now", sources()), false, files(false), runsInWork);
  }

  @Test
  void failedRowsAreToDoUnlessTheyAreKept() {
    assertTrue(isToDo(row("FAILED", "now", null), false, files(false)));
    assertFalse(isToDo(row("FAILED", "now", null), true, files(false)));
  }

  @Test
  void aChangedOrMissingSourceImageIsSeenByTheCheckOfFilesOnly() throws IOException {
    Row row = row("OK", "now", sources());
    Files.setLastModifiedTime(source, FileTime.fromMillis(1000));
    assertTrue(isToDo(row, false, files(false)));
    assertFalse(isToDo(row, false, null));
    Files.delete(source);
    assertTrue(isToDo(row, false, files(false)));
    assertFalse(isToDo(row, false, null));
  }

  @Test
  void aMissingOrEmptyEditedImageIsMadeAgain() throws IOException {
    Row row = row("OK", "now", sources());
    RowsToDo options = files(false);
    Path image = folder.resolve("out/images/a.png");
    Files.writeString(image, "");
    assertTrue(isToDo(row, false, options));
    Files.delete(image);
    assertTrue(isToDo(row, false, options));
    assertFalse(isToDo(row, false, null), "no images are made");
  }

  @Test
  void aMissingChangeMapIsMadeIfMapsAreAsked() throws IOException {
    Row row = row("OK", "now", sources());
    RowsToDo files = files(true);
    assertTrue(isToDo(row, false, files));
    storage.write(new OutputLayout(folder + "/out").changeMap("a"), new byte[1]);
    assertFalse(isToDo(row, false, files));
  }

  @Test
  void aCheckThatFailsIsReported() {
    Row row =
        new GenericRowWithSchema(
            new Object[] {true, "OK", "s"},
            new StructType()
                .add(InternalColumns.FINISHED, "boolean")
                .add(ResultColumn.STATUS.column(), "string")
                .add(ResultColumn.SOURCES_FINGERPRINT.column(), "string"));
    JobException e =
        assertThrows(JobException.class, () -> files(false).marked(List.of(row), storage, threads));
    assertTrue(e.getMessage().startsWith("Cannot look for finished rows: "));
  }
}
