package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.OutputOptions.ResumeCheck;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import scala.collection.JavaConverters;

/** Decisions about rows, without Spark. The columns are those of a plan, one more, and a result. */
@Tag("resume")
@SuppressWarnings("deprecation") // Scala 2.13 has another name for asScalaBuffer, which 2.12 lacks.
class RowsToDoTest {
  private static final StructType VALUES =
      StructType.fromDDL(
          "prompt string, image_paths array<string>, rejection string, sources array<string>,"
              + " height int, width int, num_inference_steps int, guidance_scale double,"
              + " seed bigint, step_cache double, exact_size boolean, large_sources string,"
              + " max_pixels bigint, mask_path string");
  private static final StructType SCHEMA =
      new StructType()
          .add(InternalColumns.INDEX, "long")
          .add(InternalColumns.ID, "string")
          .add(InternalColumns.FINGERPRINT, "string")
          .add(InternalColumns.ROW, VALUES)
          .add("label", "string")
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

  private Row row(String status, String fingerprint, String sources) {
    scala.collection.Seq<String> paths =
        JavaConverters.asScalaBuffer(new ArrayList<>(List.of(source.toString()))).toSeq();
    Row values =
        new GenericRowWithSchema(
            new Object[] {
              "p", paths, null, paths, null, null, 3, 1.5, 7L, 0.0, true, "FIT", 1L << 22, null
            },
            VALUES);
    return new GenericRowWithSchema(
        new Object[] {0L, "a", "now", values, "l", status, fingerprint, sources, "run-2"}, SCHEMA);
  }

  private static OutputOptions options(boolean keepFailed, ResumeCheck check) {
    return new OutputOptions("out", false, true, keepFailed, check, 10, 60);
  }

  private boolean isToDo(Row row, OutputOptions options) {
    return isToDo(row, options, EditedImageFormat.PNG, Map.of());
  }

  private boolean isToDo(
      Row row, OutputOptions options, EditedImageFormat images, Map<String, String> runsInWork) {
    RowsToDo rows =
        new RowsToDo(
            new OutputLayout(folder + "/out"),
            images,
            /* changeMaps= */ false,
            options,
            runsInWork,
            /* hadoop= */ null);
    Row marked = rows.marked(List.of(row), storage, threads).get(0);
    Object values = marked.get(3);
    assertEquals(RowFactory.create(0L, "a", "now", values, "l"), marked);
    return values != null;
  }

  @Test
  void rowsWithoutAResultOrWithAnotherFingerprintAreToDo() throws IOException {
    OutputOptions options = options(false, ResumeCheck.FILES);
    assertTrue(isToDo(row(null, null, null), options));
    assertTrue(isToDo(row("OK", "before", sources()), options));
    assertFalse(isToDo(row("OK", "now", sources()), options));
  }

  @Test
  void rowsThatWereInWorkAtTheEndOfALaterRunAreToDo() throws IOException {
    assertTrue(isToDo(Map.of("a", "run-3")), "its edited image may be of run 3");
    assertFalse(isToDo(Map.of("a", "run-2")), "run 2 finished the row after its journal");
    assertFalse(isToDo(Map.of("a", "run-1")));
    assertFalse(isToDo(Map.of("b", "run-3")), "another row");
  }

  private boolean isToDo(Map<String, String> runsInWork) throws IOException {
    OutputOptions options = options(false, ResumeCheck.FILES);
    return isToDo(row("OK", "now", sources()), options, EditedImageFormat.PNG, runsInWork);
  }

  @Test
  void failedRowsAreToDoUnlessTheyAreKept() {
    assertTrue(isToDo(row("FAILED", "now", null), options(false, ResumeCheck.FILES)));
    assertFalse(isToDo(row("FAILED", "now", null), options(true, ResumeCheck.FILES)));
  }

  @Test
  void aChangedOrMissingSourceImageIsSeenByTheCheckOfFilesOnly() throws IOException {
    Row row = row("OK", "now", sources());
    Files.setLastModifiedTime(source, FileTime.fromMillis(1000));
    assertTrue(isToDo(row, options(false, ResumeCheck.FILES)));
    assertFalse(isToDo(row, options(false, ResumeCheck.ROWS)));
    Files.delete(source);
    assertTrue(isToDo(row, options(false, ResumeCheck.FILES)));
    assertFalse(isToDo(row, options(false, ResumeCheck.ROWS)));
  }

  @Test
  void aMissingOrEmptyEditedImageIsMadeAgain() throws IOException {
    Row row = row("OK", "now", sources());
    OutputOptions options = options(false, ResumeCheck.FILES);
    Path image = folder.resolve("out/images/a.png");
    Files.writeString(image, "");
    assertTrue(isToDo(row, options));
    Files.delete(image);
    assertTrue(isToDo(row, options));
    assertFalse(isToDo(row, options, null, Map.of()), "no images are made");
  }

  @Test
  void aMissingChangeMapIsMadeIfMapsAreAsked() throws IOException {
    Row row = row("OK", "now", sources());
    OutputLayout layout = new OutputLayout(folder + "/out");
    RowsToDo rows =
        new RowsToDo(
            layout,
            EditedImageFormat.PNG,
            /* changeMaps= */ true,
            options(false, ResumeCheck.FILES),
            Map.of(),
            null);
    assertNotNull(rows.marked(List.of(row), storage, threads).get(0).get(3));
    storage.write(layout.changeMap("a"), new byte[1]);
    assertNull(rows.marked(List.of(row), storage, threads).get(0).get(3));
  }

  @Test
  void aCheckThatFailsIsReported() throws IOException {
    Row row = row("OK", "now", sources());
    ExecutorService broken = Executors.newSingleThreadExecutor();
    try {
      RowsToDo rows =
          new RowsToDo(
              null,
              EditedImageFormat.PNG,
              false,
              options(false, ResumeCheck.FILES),
              Map.of(),
              null);
      JobException e =
          assertThrows(JobException.class, () -> rows.marked(List.of(row), storage, broken));
      assertTrue(e.getMessage().startsWith("Cannot look for finished rows: "));
    } finally {
      broken.shutdownNow();
    }
  }
}
