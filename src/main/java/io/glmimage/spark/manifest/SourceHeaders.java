package io.glmimage.spark.manifest;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestRow;
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
    boolean inline = DataUrl.is(path);
    byte[] start =
        inline ? SourceReader.inlineBytes(path) : SourceReader.head(storage, path, HEADER_BYTES);
    boolean whole = inline || start.length < HEADER_BYTES;
    try {
      return ImageHeader.size(start, name);
    } catch (InvalidRequestException e) {
      if (whole) {
        return decoded(start, name);
      }
    }
    // Some files have the size at their end, or a long preview before it.
    byte[] file = SourceReader.file(storage, path);
    try {
      return ImageHeader.size(file, name);
    } catch (InvalidRequestException e) {
      return decoded(file, name);
    }
  }

  /** Decodes an image whose header cannot be read, to give the reason that an edit would give. */
  private static PixelSize decoded(byte[] file, String name) throws RowFailure {
    RgbImage image = SourceReader.decode(file, name);
    return new PixelSize(image.height(), image.width());
  }
}
