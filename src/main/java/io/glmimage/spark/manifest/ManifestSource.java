package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** The files of a manifest, on the driver. */
record ManifestSource(SparkSession spark, Storage storage, ManifestOptions options) {
  private static final int BUFFER_CHARS = 1 << 16;

  /** The file or folder, with its scheme. */
  String path() throws IOException {
    return storage.qualified(options.path());
  }

  /**
   * The file itself, or the files of the folder, sorted.
   *
   * @throws UsageException if the folder has no files
   */
  List<String> files() throws IOException {
    List<String> files = storage.filesIn(path());
    if (files.isEmpty()) {
      throw new UsageException("Cannot read manifest " + options.path() + ": it holds no files");
    }
    return files;
  }

  /** Opens a text file. All text manifests are decoded here. */
  static BufferedReader text(Storage storage, String file) throws IOException {
    return new BufferedReader(
        new InputStreamReader(storage.open(file), StandardCharsets.UTF_8), BUFFER_CHARS);
  }
}
