package io.glmimage.output;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What lies where in an output folder.
 *
 * @param root the folder, with its scheme
 * @param spread whether the pictures are in {@value #FOLDERS} folders instead of one
 */
public record OutputLayout(String root, boolean spread) implements Serializable {
  /** HDFS takes a million files in a folder unless told otherwise, and tools tire much earlier. */
  static final long MOST_ROWS_IN_ONE_FOLDER = 100_000;

  private static final int FOLDERS = 256;

  public OutputLayout {
    while (root.endsWith("/") && root.length() > 1) {
      root = root.substring(0, root.length() - 1);
    }
  }

  /** With the pictures in one folder. */
  public OutputLayout(String root) {
    this(root, false);
  }

  /**
   * The layout for so many rows. It stays as the first run has chosen it, also when the manifest
   * grows, so that later runs find the pictures. Call it with the lock held.
   */
  public OutputLayout forRows(Storage storage, long rows) throws IOException {
    if (storage.exists(spreadMarker())) {
      return new OutputLayout(root, true);
    }
    if (rows <= MOST_ROWS_IN_ONE_FOLDER || holdsResults(storage)) {
      return new OutputLayout(root, false);
    }
    byte[] marker = ("{\"folders\": " + FOLDERS + "}\n").getBytes(StandardCharsets.UTF_8);
    storage.write(spreadMarker(), marker);
    return new OutputLayout(root, true);
  }

  /** Lies with the pictures, so that it goes where they go. */
  private String spreadMarker() {
    return images() + "/_layout.json";
  }

  /** The folder of edited pictures. */
  public String images() {
    return root + "/images";
  }

  /** The picture of a row; depends on its id and the format only. */
  public String image(String id, EditedImageFormat format) {
    String name = ImageNames.fileName(id, format.extension());
    return images() + "/" + (spread ? ImageNames.folder(id) + "/" : "") + name;
  }

  /** The WebDataset shards. */
  public String shards() {
    return root + "/shards";
  }

  /** The table of pictures. */
  public String pictures() {
    return root + "/pictures";
  }

  /** The page about a run. */
  public String report() {
    return root + "/report.html";
  }

  /** What the page shows, for programs. */
  public String metrics() {
    return root + "/metrics.json";
  }

  /** The answers of a batch that are pictures. */
  public String batchOutput() {
    return root + "/output.jsonl";
  }

  /** The answers of a batch that are errors. */
  public String batchErrors() {
    return root + "/errors.jsonl";
  }

  /** The result table, a folder of Parquet files. */
  public String results() {
    return root + "/results";
  }

  /** The report, written when all else is done. */
  public String summary() {
    return root + "/summary.json";
  }

  /** Says that the table is whole, and of which run. */
  public String success() {
    return results() + "/_SUCCESS";
  }

  /** A manifest of the rows that failed, a folder of Parquet files. */
  public String failedRows() {
    return root + "/failed-rows";
  }

  /** What runs keep for themselves: the lock, and all that is not yet in the table. */
  public String bookkeeping() {
    return root + "/_run";
  }

  public String lock() {
    return bookkeeping() + "/lock.json";
  }

  /** Finished rows that are not yet in the table. */
  public String lines() {
    return bookkeeping() + "/lines";
  }

  /** Which rows were in work. */
  public String journal() {
    return bookkeeping() + "/journal";
  }

  /** Says what the shards or the table of pictures hold, while they are whole. */
  public String packed() {
    return bookkeeping() + "/packed";
  }

  /** Pictures that are being written, on file systems where they appear by a rename. */
  public String unfinished() {
    return bookkeeping() + "/unfinished";
  }

  /** Pieces of the answers of a batch. */
  public String batchParts() {
    return bookkeeping() + "/batch";
  }

  /** Lines of rows that are no longer in the manifest. */
  public String orphans() {
    return bookkeeping() + "/orphans";
  }

  /**
   * Makes sure that this folder can take a run's results. Call it with the lock held.
   *
   * @throws UsageException if it holds results that are neither to be resumed nor overwritten
   */
  public void prepare(Storage storage, OutputOptions options) throws IOException {
    if (!options.overwrite() && !options.resume() && holdsResults(storage)) {
      throw new UsageException(
          "Cannot write to "
              + root
              + ": it already holds results (choose another --output, add --overwrite to remove"
              + " them first, or leave out --no-resume to do only what is missing)");
    }
    // What a run makes anew of its table; shards and the table of pictures stay until they are.
    for (String derived : List.of(report(), metrics(), batchOutput(), batchErrors())) {
      storage.delete(derived);
    }
    if (options.overwrite()) {
      // Results before what they were made of: an interrupted removal leaves nothing half.
      for (String folder :
          List.of(
              summary(),
              success(),
              results(),
              lines(),
              orphans(),
              failedRows(),
              shards(),
              pictures(),
              packed(),
              images(),
              journal())) {
        storage.delete(folder);
      }
    }
  }

  /** Whether earlier runs left results here, finished or not. */
  private boolean holdsResults(Storage storage) throws IOException {
    return storage.exists(summary())
        || storage.names(results()).stream().anyMatch(OutputLayout::isResult)
        || !storage.names(lines()).isEmpty();
  }

  /**
   * @throws UsageException if the output is a file
   */
  public void checkFolder(Storage storage) throws IOException {
    if (storage.exists(root) && !storage.isFolder(root)) {
      throw new UsageException("Cannot write to " + root + ": it is a file, not a folder");
    }
  }

  private static boolean isResult(String name) {
    return name.equals("_SUCCESS") || !(name.startsWith("_") || name.startsWith("."));
  }
}
