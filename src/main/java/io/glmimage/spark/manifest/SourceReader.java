package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredBytes;
import io.glmimage.manifest.DataUrl;
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
public final class SourceReader {
  /** No picture within the decoder's limits needs more. */
  static final long MAX_FILE_BYTES = 256L << 20;

  /** The version of a picture that is in the row itself. */
  private static final String INLINE = "inline";

  private final Storage storage;
  private final EditDefaults limits;

  public SourceReader(Storage storage, EditDefaults limits) {
    this.storage = storage;
    this.limits = limits;
  }

  /**
   * A request with its sources.
   *
   * @param fingerprint of the sources as they were when they were read, null if they were not
   */
  public record Read(EditRequest request, String fingerprint) {}

  /**
   * @throws RowFailure with what is wrong with which source
   */
  public Read request(ManifestRow row) throws RowFailure {
    List<RgbImage> sources = new ArrayList<>();
    List<String> versions = new ArrayList<>();
    for (String path : row.sources()) {
      if (DataUrl.is(path)) {
        versions.add(INLINE);
        sources.add(inline(path));
        continue;
      }
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
    return new Read(request(row, sources), RowFingerprint.ofSources(versions));
  }

  /** For an engine that looks at none. */
  public static Read withoutSources(ManifestRow row) {
    return new Read(request(row, List.of()), null);
  }

  private static EditRequest request(ManifestRow row, List<RgbImage> sources) {
    return new EditRequest(
        row.id(),
        row.prompt(),
        sources,
        row.height(),
        row.width(),
        row.steps(),
        row.guidanceScale(),
        row.seed(),
        row.stepCache());
  }

  /** The fingerprint of sources as they are now, or null if one of them cannot be found. */
  public static String fingerprint(ManifestRow row, Storage storage) {
    List<String> versions = new ArrayList<>();
    try {
      for (String path : row.sources()) {
        versions.add(DataUrl.is(path) ? INLINE : storage.stat(path).version());
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
  public static RgbImage decode(Storage storage, String path, String missing, String folder)
      throws RowFailure {
    return DataUrl.is(path)
        ? inline(path)
        : decode(open(storage, path, missing, folder).bytes(), path);
  }

  private static RgbImage inline(String url) throws RowFailure {
    String name = DataUrl.shown(url);
    try {
      return decode(DataUrl.bytes(url), name);
    } catch (IllegalArgumentException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_INVALID, name + " cannot be decoded: " + e.getMessage(), e);
    }
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
    } catch (JobException e) {
      throw e;
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
