package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestOptions;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;

/**
 * The files of a manifest, on the driver.
 *
 * @param warnings takes what the user should know about the files
 */
record ManifestSource(
    SparkSession spark, Storage storage, ManifestOptions options, Consumer<String> warnings) {
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
      throw new UsageException(
          "Cannot read manifest "
              + options.path()
              + ": it holds no files (write the rows there, or name another folder)");
    }
    return files;
  }

  /**
   * The files of a text manifest, each UTF-8.
   *
   * @throws UsageException if a file is empty, has another encoding, or is not text
   */
  List<String> textFiles() throws IOException {
    List<String> files = files();
    TextFiles.check(storage, files, options.path());
    return files;
  }
}
