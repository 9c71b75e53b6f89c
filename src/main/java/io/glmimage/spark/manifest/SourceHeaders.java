package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ColourRules;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.Mask;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.image.SourceImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestRow;
import java.util.ArrayList;
import java.util.List;

/** Reads the sizes and traits of source images from their headers, without the pixels. */
final class SourceHeaders {
  /** Holds the header of nearly every image, with the metadata that cameras put before it. */
  private static final int HEADER_BYTES = 1 << 17;

  private SourceHeaders() {}

  /**
   * The headers of the source images of a row, in order.
   *
   * @throws RowFailure naming the first source image that cannot be used
   */
  static List<ImageHeader.Facts> read(Storage storage, ManifestRow row) throws RowFailure {
    List<ImageHeader.Facts> headers = new ArrayList<>();
    for (String path : row.sources()) {
      headers.add(header(storage, path));
    }
    if (row.mask() != null) {
      try {
        Mask.checkSize(header(storage, row.mask().path()).size(), headers.get(0).size());
      } catch (InvalidRequestException e) {
        throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
      }
    }
    return headers;
  }

  private static ImageHeader.Facts header(Storage storage, String path) throws RowFailure {
    String name = DataUrl.shown(path);
    boolean inline = DataUrl.is(path);
    byte[] start =
        inline ? SourceReader.inlineBytes(path) : SourceReader.head(storage, path, HEADER_BYTES);
    boolean whole = inline || start.length < HEADER_BYTES;
    try {
      return ImageHeader.read(start, name);
    } catch (InvalidRequestException e) {
      if (whole) {
        return decoded(start, name);
      }
    }
    // Some files have the size at their end, or a long preview before it.
    byte[] file = SourceReader.file(storage, path);
    try {
      return ImageHeader.read(file, name);
    } catch (InvalidRequestException e) {
      return decoded(file, name);
    }
  }

  /** Decodes an image whose header cannot be read, to give the reason that an edit would give. */
  private static ImageHeader.Facts decoded(byte[] file, String name) throws RowFailure {
    SourceImage source = SourceReader.decode(file, name, ColourRules.DEFAULT);
    RgbImage image = source.image();
    return new ImageHeader.Facts(new PixelSize(image.height(), image.width()), source.traits());
  }
}
