package io.glmimage.spark;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredBytes;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.request.EditRequest;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;

/** Reads and decodes a row's sources. */
final class SourceReader {
  /** No picture within the decoder's limits needs more. */
  static final long MAX_FILE_BYTES = 256L << 20;

  private final Storage storage;
  private final EditDefaults limits;

  SourceReader(Storage storage, EditDefaults limits) {
    this.storage = storage;
    this.limits = limits;
  }

  /**
   * A request with its sources.
   *
   * @param fingerprint of the sources as they were when they were read
   */
  record Read(EditRequest request, String fingerprint) {}

  /**
   * @throws RowFailure with what is wrong with which source
   */
  Read request(ManifestRow row) throws RowFailure {
    List<RgbImage> sources = new ArrayList<>();
    List<String> versions = new ArrayList<>();
    for (String path : row.sources()) {
      StoredBytes file =
          open(
              storage,
              path,
              "check image_paths; relative paths start at the manifest's folder",
              "name a file in image_paths");
      versions.add(file.file().version());
      sources.add(decode(file.bytes(), path));
    }
    if (!sources.isEmpty()) {
      RgbImage first = sources.get(0);
      int height = row.height() == null ? first.height() : row.height();
      int width = row.width() == null ? first.width() : row.width();
      String problem = limits.sizeProblem(height, width);
      if (problem != null) {
        throw new RowFailure(ErrorClass.INVALID_ROW, problem, null);
      }
    }
    EditRequest request =
        new EditRequest(
            row.id(),
            row.prompt(),
            sources,
            row.height(),
            row.width(),
            row.steps(),
            row.guidanceScale(),
            row.seed());
    return new Read(request, RowFingerprint.ofSources(versions));
  }

  /** The fingerprint of sources as they are now, or null if one of them cannot be found. */
  static String fingerprint(ManifestRow row, Storage storage) {
    List<String> versions = new ArrayList<>();
    try {
      for (String path : row.sources()) {
        versions.add(storage.stat(path).version());
      }
    } catch (IOException e) {
      return null;
    }
    return RowFingerprint.ofSources(versions);
  }

  /**
   * Reads and decodes one file.
   *
   * @param missing what to do where there is no such file
   * @param folder what to do where it is a folder
   */
  static RgbImage decode(Storage storage, String path, String missing, String folder)
      throws RowFailure {
    return decode(open(storage, path, missing, folder).bytes(), path);
  }

  private static StoredBytes open(Storage storage, String path, String missing, String folder)
      throws RowFailure {
    try {
      return storage.open(path, MAX_FILE_BYTES);
    } catch (FileNotFoundException | NoSuchFileException e) {
      if (isFolder(storage, path)) {
        throw new RowFailure(
            ErrorClass.IMAGE_UNREADABLE, path + " is a folder (" + folder + ")", e);
      }
      throw new RowFailure(
          ErrorClass.IMAGE_NOT_FOUND, path + " does not exist (" + missing + ")", e);
    } catch (IOException | RuntimeException e) {
      if (Retries.isCredentials(e)) {
        // No row's fault, and the next thousand rows would fail in the same way.
        throw new JobException(
            "Cannot read "
                + path
                + ": the credentials are refused or have expired, or the region is wrong: "
                + e.getMessage(),
            e);
      }
      String why = e.getMessage() == null ? e.toString() : e.getMessage();
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE,
          why.contains(path) ? why : path + " cannot be read: " + why,
          e);
    }
  }

  private static RgbImage decode(byte[] bytes, String path) throws RowFailure {
    try {
      return ImageDecoder.decode(bytes, path);
    } catch (InvalidRequestException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
    }
  }

  /** Some file systems say that a folder was not found when it is opened as a file. */
  private static boolean isFolder(Storage storage, String path) throws RowFailure {
    try {
      return storage.isFolder(path);
    } catch (IOException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE, path + " cannot be read: " + e.getMessage(), e);
    }
  }
}
