package io.glmimage.output;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;

/**
 * What lies where in an output folder.
 *
 * @param root the folder, with its scheme
 */
public record OutputLayout(String root) implements Serializable {
  public OutputLayout {
    while (root.endsWith("/") && root.length() > 1) {
      root = root.substring(0, root.length() - 1);
    }
  }

  /** The folder of edited pictures. */
  public String images() {
    return root + "/images";
  }

  /** The picture of a row; depends on its id only. */
  public String image(String id) {
    return images() + "/" + ImageNames.fileName(id);
  }

  /** The picture of a row in another format. */
  public String image(String id, PictureFormat format) {
    return images() + "/" + ImageNames.fileName(id, format.extension());
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

  /**
   * Makes sure that this folder can take a new run's results.
   *
   * @throws UsageException if it holds results and they are not to be overwritten
   */
  public void prepare(Storage storage, boolean overwrite) throws IOException {
    if (storage.exists(root) && !storage.isFolder(root)) {
      throw new UsageException("Cannot write to " + root + ": it is a file, not a folder");
    }
    boolean held =
        storage.exists(summary())
            || storage.names(results()).stream().anyMatch(OutputLayout::isResult);
    if (held && !overwrite) {
      throw new UsageException(
          "Cannot write to "
              + root
              + ": it already holds results (choose another --output, or add --overwrite to remove"
              + " them first)");
    }
    // Without results there can still be what an interrupted run left: nothing to keep.
    storage.delete(summary());
    for (String derived :
        List.of(report(), metrics(), batchOutput(), batchErrors(), shards(), pictures())) {
      storage.delete(derived);
    }
    storage.delete(results());
    if (held) {
      storage.delete(images());
    }
  }

  private static boolean isResult(String name) {
    return name.equals("_SUCCESS") || !(name.startsWith("_") || name.startsWith("."));
  }
}
