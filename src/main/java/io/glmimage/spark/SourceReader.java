package io.glmimage.spark;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestRow;
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
   * @throws RowFailure with what is wrong with which source
   */
  EditRequest request(ManifestRow row) throws RowFailure {
    List<RgbImage> sources = new ArrayList<>();
    for (String path : row.sources()) {
      sources.add(decode(path));
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
    return request(row, sources);
  }

  /** For an engine that looks at none. */
  static EditRequest withoutSources(ManifestRow row) {
    return request(row, List.of());
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
        row.seed());
  }

  private RgbImage decode(String path) throws RowFailure {
    byte[] bytes;
    if (DataUrl.is(path)) {
      String name = DataUrl.shown(path);
      try {
        return ImageDecoder.decode(DataUrl.bytes(path), name);
      } catch (IllegalArgumentException e) {
        throw new RowFailure(
            ErrorClass.IMAGE_INVALID, name + " cannot be decoded: " + e.getMessage(), e);
      } catch (InvalidRequestException e) {
        throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
      }
    }
    try {
      bytes = storage.read(path, MAX_FILE_BYTES);
    } catch (FileNotFoundException | NoSuchFileException e) {
      if (isFolder(path)) {
        throw new RowFailure(
            ErrorClass.IMAGE_UNREADABLE, path + " is a folder (name a file in image_paths)", e);
      }
      throw new RowFailure(
          ErrorClass.IMAGE_NOT_FOUND,
          path
              + " does not exist (check image_paths; relative paths start at the manifest's"
              + " folder)",
          e);
    } catch (IOException | RuntimeException e) {
      String why = e.getMessage() == null ? e.toString() : e.getMessage();
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE,
          why.contains(path) ? why : path + " cannot be read: " + why,
          e);
    }
    try {
      return ImageDecoder.decode(bytes, path);
    } catch (InvalidRequestException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
    }
  }

  /** Some file systems say that a folder was not found when it is opened as a file. */
  private boolean isFolder(String path) throws RowFailure {
    try {
      return storage.isFolder(path);
    } catch (IOException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE, path + " cannot be read: " + e.getMessage(), e);
    }
  }
}
