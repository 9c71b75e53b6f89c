package io.glmimage.spark.results;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.LastingException;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.security.AccessControlException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The output folder of a run, and what happens to earlier results in it. */
public final class OutputFolder {
  private static final Logger LOG = LoggerFactory.getLogger(OutputFolder.class);

  /** HDFS allows a million files in a folder by default; many tools get slow much earlier. */
  static final long MOST_ROWS_IN_ONE_FOLDER = 100_000;

  private static final byte[] ASCII_MARKER =
      "{\"names\": \"ascii\"}\n".getBytes(StandardCharsets.UTF_8);

  /** Letters that a file name may not be able to have. */
  private static final String LETTERS = "\u00e9\u65e5";

  private static final byte[] SPREAD_MARKER =
      "{\"folders\": 256}\n".getBytes(StandardCharsets.UTF_8);

  /** More than a file system keeps for small files. */
  private static final int PROBE_BYTES = 1 << 16;

  private static final byte[] OWNER =
      "{\"program\": \"glm-image-spark\"}\n".getBytes(StandardCharsets.UTF_8);

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
   * Checks that the folder can be written, and that no other program's files would be replaced.
   * Writes nothing that stays.
   *
   * @throws UsageException if it cannot be used
   */
  public void check() throws IOException {
    try {
      storage.tryToWrite(layout.root(), new byte[PROBE_BYTES]);
    } catch (JobException | LastingException e) {
      throw new UsageException(e.getMessage(), e);
    }
    checkOuter();
    if (belongsToARun()) {
      return;
    }
    for (String folder : replacedFolders()) {
      if (!storage.names(folder).isEmpty()) {
        throw new UsageException(
            "Cannot write to "
                + layout.root()
                + ": "
                + folder
                + " has files that no run of this program has written, and a run would replace"
                + " them; choose another --output");
      }
    }
  }

  /**
   * Checks that no other run replaces the folder.
   *
   * @throws UsageException if it is in a folder that another output folder owns
   */
  private void checkOuter() throws IOException {
    String inside = layout.root();
    String above = storage.parent(inside);
    while (!above.equals(inside)) {
      OutputFolder outer = new OutputFolder(storage, above);
      String name = inside.substring(inside.lastIndexOf('/') + 1);
      boolean owned =
          outer.ownFolders().stream()
              .anyMatch(own -> own.substring(own.lastIndexOf('/') + 1).equals(name));
      if (owned && outer.isKnownToBelongToARun()) {
        throw new UsageException(
            "Cannot write to "
                + layout.root()
                + ": it is in the output folder of another run, which replaces files in "
                + inside
                + "; choose an --output outside of "
                + above);
      }
      inside = above;
      above = storage.parent(inside);
    }
  }

  /** As {@link #belongsToARun}; false for a folder that these credentials may not read. */
  private boolean isKnownToBelongToARun() throws IOException {
    try {
      return belongsToARun();
    } catch (AccessDeniedException | AccessControlException e) {
      LOG.debug("Cannot see whether {} is an output folder", layout.root(), e);
      return false;
    }
  }

  /** Whether a run of this program has written to the folder. */
  private boolean belongsToARun() throws IOException {
    return storage.exists(layout.own())
        || TableMarker.read(storage, layout) != null
        || storage.exists(layout.summary());
  }

  private List<String> replacedFolders() {
    List<String> folders =
        new ArrayList<>(List.of(layout.images(), layout.results(), layout.failedRows()));
    Packing.folders().forEach(folder -> folders.add(layout.folder(folder)));
    return folders;
  }

  /** All folders whose files a run writes, replaces and removes. */
  private List<String> ownFolders() {
    List<String> folders = replacedFolders();
    folders.addAll(List.of(layout.changes(), layout.own()));
    return folders;
  }

  /**
   * Checks that a run does not replace what it reads.
   *
   * @param manifest its path
   * @param model the folder of the checkpoint; null if there is none
   * @param images the folder of the source images; null if it is not known
   * @throws UsageException if the folder holds one of them where the run writes, or is inside one
   */
  public void checkInputs(String manifest, String model, String images) throws IOException {
    String root = layout.root();
    for (String folder : images == null ? List.<String>of() : ownFolders()) {
      if (storage.isWithin(images, folder)) {
        throw new UsageException(
            "Cannot edit images of "
                + images
                + " into "
                + root
                + ": the run replaces files in "
                + folder
                + "; choose another --output");
      }
    }
    if (manifest != null) {
      checkManifest(manifest, root);
    }
    if (model != null && storage.isWithin(root, model)) {
      throw new UsageException(
          "Cannot write to "
              + root
              + ": it is in the folder of the model, "
              + model
              + ", and the results would become part of the model; choose another --output");
    }
  }

  private void checkManifest(String manifest, String root) throws IOException {
    if (storage.isWithin(manifest, layout.failedRows())) {
      throw new UsageException(
          "Cannot edit the rows of "
              + manifest
              + " into "
              + root
              + ": its result table would lose all other rows. Run the first command again, which"
              + " retries failed rows, or choose another --output");
    }
    for (String folder : ownFolders()) {
      if (storage.isWithin(manifest, folder)) {
        throw new UsageException(
            "Cannot edit the rows of "
                + manifest
                + " into "
                + root
                + ": the run replaces files in "
                + folder
                + "; choose another --output");
      }
    }
    if (storage.isFolder(manifest) && storage.isWithin(root, manifest)) {
      throw new UsageException(
          "Cannot write to "
              + root
              + ": it is in the folder of the manifest, "
              + manifest
              + ", and a later run would read the results as rows; choose another --output");
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
    if (storage.isObjectStore(layout.root())) {
      // There are no empty folders there: without a lock and rows in work, nothing is left.
      storage.write(layout.owner(), OWNER);
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
                layout.report(),
                layout.metrics(),
                layout.batchOutput(),
                layout.batchErrors(),
                layout.summary(),
                layout.success(),
                layout.results(),
                layout.ledger(),
                layout.orphans(),
                layout.failedRows()));
    Packing.folders().forEach(folder -> paths.add(layout.folder(folder)));
    paths.addAll(
        List.of(
            layout.packed(),
            layout.images(),
            layout.changes(),
            layout.asciiMarker(),
            layout.journal()));
    return paths;
  }

  /**
   * The layout for a manifest of this size. Later runs keep the layout of the first run, even if
   * the manifest grows or the locale is another one, so that they find its edited images. The run
   * must hold the lock.
   */
  public OutputLayout layoutFor(long rows) throws IOException {
    boolean spread = storage.exists(layout.spreadMarker());
    if (!spread && rows > MOST_ROWS_IN_ONE_FOLDER && !holdsResults()) {
      storage.write(layout.spreadMarker(), SPREAD_MARKER);
      spread = true;
    }
    boolean ascii = storage.exists(layout.asciiMarker());
    if (!ascii && !storage.canName(layout.image(LETTERS, "")) && !holdsResults()) {
      storage.write(layout.asciiMarker(), ASCII_MARKER);
      ascii = true;
    }
    return new OutputLayout(layout.root(), spread, ascii);
  }

  /** Whether earlier runs left results, finished or not. */
  private boolean holdsResults() throws IOException {
    return storage.exists(layout.summary())
        || storage.names(layout.results()).stream().anyMatch(OutputFolder::isResult)
        || !storage.names(layout.ledger()).isEmpty();
  }

  /** An interrupted commit leaves hidden files and folders, which are not results. */
  private static boolean isResult(String name) {
    return name.equals("_SUCCESS") || ResultsTable.isTableFile(name);
  }
}
