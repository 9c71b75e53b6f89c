package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestRow;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;

/** Reads the sizes of source images from their headers, without the pixels. */
final class SourceHeaders {
  /** Holds the header of nearly every image, with the metadata that cameras put before it. */
  private static final int HEADER_BYTES = 1 << 17;

  private SourceHeaders() {}

  /**
   * The sizes of the upright source images of a row, in order.
   *
   * @throws RowFailure naming the first source image that cannot be used
   */
  static List<PixelSize> sizes(Storage storage, ManifestRow row) throws RowFailure {
    List<PixelSize> sizes = new ArrayList<>();
    for (String path : row.sources()) {
      sizes.add(size(storage, path));
    }
    return sizes;
  }

  private static PixelSize size(Storage storage, String path) throws RowFailure {
    String name = DataUrl.shown(path);
    byte[] start;
    try {
      start = DataUrl.is(path) ? DataUrl.bytes(path) : storage.head(path, HEADER_BYTES);
    } catch (IllegalArgumentException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, name + ": " + e.getMessage(), e);
    } catch (FileNotFoundException | NoSuchFileException e) {
      throw new RowFailure(ErrorClass.IMAGE_NOT_FOUND, name + " does not exist", e);
    } catch (IOException | RuntimeException e) {
      throw new RowFailure(
          ErrorClass.IMAGE_UNREADABLE, name + " cannot be read: " + e.getMessage(), e);
    }
    try {
      return ImageHeader.size(start, name);
    } catch (InvalidRequestException e) {
      if (start.length < HEADER_BYTES || DataUrl.is(path)) {
        throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
      }
    }
    // Some files have the size at their end, or a long preview before it.
    try {
      return ImageHeader.size(storage.read(path, SourceReader.MAX_FILE_BYTES), name);
    } catch (InvalidRequestException e) {
      throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
    } catch (IOException e) {
      throw new RowFailure(ErrorClass.IMAGE_UNREADABLE, e.getMessage(), e);
    }
  }
}
