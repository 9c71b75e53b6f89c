package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestRow;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The folders from which source images and masks may be read. A manifest can come from someone who
 * must not see all that the cluster's credentials can read.
 */
final class AllowedInputs {
  private AllowedInputs() {}

  /**
   * Refuses a row with a file outside the folders. {@code ..} and, on a local disk, symbolic links
   * are resolved first. Data URLs are part of the manifest, and allowed.
   *
   * @param folders all files are allowed if empty
   */
  static void check(Storage storage, List<String> folders, ManifestRow row) throws RowFailure {
    if (folders.isEmpty()) {
      return;
    }
    for (String file : files(row)) {
      if (!isAllowed(storage, folders, file)) {
        throw new RowFailure(
            ErrorClass.INVALID_ROW,
            file + " is outside the folders of --allow-input: " + String.join(", ", folders),
            null);
      }
    }
  }

  /**
   * Refuses a row with a file in a folder that the run writes to.
   *
   * @param folders the folders of the run
   */
  static void checkWritten(Storage storage, List<String> folders, ManifestRow row)
      throws RowFailure {
    for (String file : files(row)) {
      if (isWritten(storage, folders, file)) {
        throw new RowFailure(
            ErrorClass.INVALID_ROW,
            file
                + " is in a folder that this run writes to, and may be replaced; choose another"
                + " --output",
            null);
      }
    }
  }

  /** Source images and mask, without those inside the manifest. */
  private static List<String> files(ManifestRow row) {
    List<String> files = new ArrayList<>(row.sources());
    if (row.mask() != null) {
      files.add(row.mask().path());
    }
    files.removeIf(DataUrl::is);
    return files;
  }

  private static boolean isWritten(Storage storage, List<String> folders, String file) {
    try {
      for (String folder : folders) {
        if (storage.isWithin(file, folder)) {
          return true;
        }
      }
    } catch (IOException | UsageException e) {
      // An invalid path; reading it says why.
      return false;
    }
    return false;
  }

  private static boolean isAllowed(Storage storage, List<String> folders, String file)
      throws RowFailure {
    try {
      for (String folder : folders) {
        if (storage.isWithinUnopened(file, folder)) {
          return true;
        }
      }
      return false;
    } catch (IOException | UsageException e) {
      // Where a file is must be known before it may be read.
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE, file + " cannot be read: " + e.getMessage(), e);
    }
  }
}
