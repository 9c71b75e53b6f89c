package io.glmimage.spark.results;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The output folder of a run, and what happens to earlier results in it. */
public final class OutputFolder {
  /** HDFS allows a million files in a folder by default; many tools get slow much earlier. */
  static final long MOST_ROWS_IN_ONE_FOLDER = 100_000;

  private static final byte[] SPREAD_MARKER =
      "{\"folders\": 256}\n".getBytes(StandardCharsets.UTF_8);

  private final Storage storage;
  private final OutputLayout layout;

  /**
   * @param root path of the folder, with its scheme
   */
  public OutputFolder(Storage storage, String root) {
    this.storage = storage;
    this.layout = new OutputLayout(root);
  }

  /** Paths in the folder that do not depend on {@link #layoutFor}. */
  public OutputLayout paths() {
    return layout;
  }

  /**
   * Checks that the output is not a file.
   *
   * @throws UsageException if it is
   */
  public void check() throws IOException {
    if (storage.exists(layout.root()) && !storage.isFolder(layout.root())) {
      throw new UsageException("Cannot write to " + layout.root() + ": it is a file, not a folder");
    }
  }

  /**
   * Makes the folder ready for a run. The run must hold the lock.
   *
   * @throws UsageException if the folder holds results that may neither be resumed nor overwritten
   */
  public void prepare(OutputOptions options) throws IOException {
    if (!options.overwrite() && !options.resume() && holdsResults()) {
      throw new UsageException(
          "Cannot write to "
              + layout.root()
              + ": it already holds results (choose another --output, add --overwrite to remove"
              + " them first, or leave out --no-resume to do only what is missing)");
    }
    // Every run makes these again from its table. Packed images stay until they are replaced.
    for (String derived :
        List.of(layout.report(), layout.metrics(), layout.batchOutput(), layout.batchErrors())) {
      storage.delete(derived);
    }
    if (options.overwrite()) {
      for (String path : resultsInOrderOfRemoval()) {
        storage.delete(path);
      }
    }
  }

  /** Results come before what they were made from, so that an interrupted removal is harmless. */
  private List<String> resultsInOrderOfRemoval() {
    List<String> paths =
        new ArrayList<>(
            List.of(
                layout.summary(),
                layout.success(),
                layout.results(),
                layout.ledger(),
                layout.orphans(),
                layout.failedRows()));
    Packing.folders().forEach(folder -> paths.add(layout.folder(folder)));
    paths.addAll(List.of(layout.packed(), layout.images(), layout.changes(), layout.journal()));
    return paths;
  }

  /**
   * The layout for a manifest of this size. Later runs keep the layout of the first run, even if
   * the manifest grows, so that they find its edited images. The run must hold the lock.
   */
  public OutputLayout layoutFor(long rows) throws IOException {
    boolean spread = storage.exists(layout.spreadMarker());
    if (!spread && rows > MOST_ROWS_IN_ONE_FOLDER && !holdsResults()) {
      storage.write(layout.spreadMarker(), SPREAD_MARKER);
      spread = true;
    }
    return new OutputLayout(layout.root(), spread);
  }

  /** Whether earlier runs left results, finished or not. */
  private boolean holdsResults() throws IOException {
    return storage.exists(layout.summary())
        || storage.names(layout.results()).stream().anyMatch(OutputFolder::isResult)
        || !storage.names(layout.ledger()).isEmpty();
  }

  /** An interrupted commit leaves hidden files and folders, which are not results. */
  private static boolean isResult(String name) {
    return name.equals("_SUCCESS") || !(name.startsWith("_") || name.startsWith("."));
  }
}
