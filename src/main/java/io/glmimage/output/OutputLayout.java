package io.glmimage.output;

import java.io.Serializable;

/**
 * The paths in an output folder.
 *
 * @param root the folder, with its scheme
 * @param spread whether the edited images are in 256 folders instead of one
 * @param ascii whether the names of edited images have ASCII characters only
 */
public record OutputLayout(String root, boolean spread, boolean ascii) implements Serializable {
  public OutputLayout {
    while (root.endsWith("/") && root.length() > 1) {
      root = root.substring(0, root.length() - 1);
    }
  }

  /** A layout with all edited images in one folder. */
  public OutputLayout(String root) {
    this(root, false);
  }

  /** A layout with letters of all scripts in the names of edited images. */
  public OutputLayout(String root, boolean spread) {
    this(root, spread, false);
  }

  /** The folder of edited images. */
  public String images() {
    return root + "/images";
  }

  /** The edited image of a row. Only the id and the format decide its path. */
  public String image(String id, EditedImageFormat format) {
    return image(id, format.extension());
  }

  /**
   * The edited image of a row.
   *
   * @param extension with its dot
   */
  public String image(String id, String extension) {
    return images() + "/" + inFolder(id, extension);
  }

  /** The folder of change maps. */
  public String changes() {
    return root + "/changes";
  }

  /** The change map of a row. */
  public String changeMap(String id) {
    return changes() + "/" + inFolder(id, ".png");
  }

  private String inFolder(String id, String extension) {
    String folder = spread ? ImageNames.folder(id) + "/" : "";
    return folder + ImageNames.fileName(id, extension, ascii);
  }

  /**
   * The file that says that {@link #images} has 256 folders. It is stored beside the edited images,
   * so that it is copied with them.
   */
  public String spreadMarker() {
    return images() + "/_layout.json";
  }

  /** The file that says that the names of edited images have ASCII characters only. */
  public String asciiMarker() {
    return own() + "/ascii-names.json";
  }

  /** The report of a run as a page. */
  public String report() {
    return root + "/report.html";
  }

  /** The figures of the report for programs. */
  public String metrics() {
    return root + "/metrics.json";
  }

  /** The answers to the requests of a batch that succeeded. */
  public String batchOutput() {
    return root + "/output.jsonl";
  }

  /** The answers to the requests of a batch that failed. */
  public String batchErrors() {
    return root + "/errors.jsonl";
  }

  /** The result table, a folder of Parquet files. */
  public String results() {
    return root + "/results";
  }

  /** The summary of a run, its last file. */
  public String summary() {
    return root + "/summary.json";
  }

  /** The marker of a complete result table; it names the run that wrote the table. */
  public String success() {
    return results() + "/_SUCCESS";
  }

  /** A manifest of the rows that failed, a folder of Parquet files. */
  public String failedRows() {
    return root + "/failed-rows";
  }

  /** A folder below the output folder, such as a folder of packed images. */
  public String folder(String name) {
    return root + "/" + name;
  }

  /** The job's own folder. It exists from the first run on, except on object stores. */
  public String own() {
    return root + "/_run";
  }

  /** Says that the folder belongs to this program, on object stores. */
  public String owner() {
    return own() + "/owner.json";
  }

  /** The lock of the run that writes to this folder. */
  public String lock() {
    return own() + "/lock.json";
  }

  /** The ledger: result rows of finished rows that are not in the result table yet. */
  public String ledger() {
    return own() + "/lines";
  }

  /** The journal: which rows are in work. */
  public String journal() {
    return own() + "/journal";
  }

  /** The result rows of rows that have left the manifest. */
  public String orphans() {
    return own() + "/orphans";
  }

  /** Says what the packed images were made of, while they are complete. */
  public String packed() {
    return own() + "/packed";
  }

  /** Half-written edited images, on file systems where a rename makes a file visible. */
  public String unfinished() {
    return own() + "/unfinished";
  }

  /** Says what the answers to a batch were made of, while they are complete. */
  public String answered() {
    return own() + "/answered";
  }

  /** Parts of the answers to a batch. */
  public String batchParts() {
    return own() + "/batch";
  }
}
