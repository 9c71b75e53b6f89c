package io.glmimage.spark.ml;

import io.glmimage.error.ErrorClass;
import io.glmimage.image.RgbImage;
import io.glmimage.spark.manifest.RowFailure;
import org.apache.spark.sql.Row;

/** Pixels of Spark's image data source: rows in BGR order, with the type numbers of OpenCV. */
final class SparkImage {
  /** OpenCV's CV_8UC1, CV_8UC3 and CV_8UC4: 8 bits per channel. */
  private static final int GREY = 0;

  private static final int BGR = 16;
  private static final int BGRA = 24;

  private SparkImage() {}

  /**
   * Converts to RGB. Grey becomes three equal channels, alpha is dropped.
   *
   * @throws RowFailure if the image is not one of these, such as Spark's placeholder for a file
   *     that it could not read
   */
  static RgbImage toRgb(Row image, String column) throws RowFailure {
    int mode = number(image, "mode", column);
    int channels =
        switch (mode) {
          case GREY -> 1;
          case BGR -> 3;
          case BGRA -> 4;
          default ->
              throw new RowFailure(
                  ErrorClass.IMAGE_INVALID,
                  "column "
                      + column
                      + " holds an image of mode "
                      + mode
                      + ", expected 0, 16 or 24"
                      + " (Spark gives -1 for a file that it could not read)",
                  null);
        };
    int height = number(image, "height", column);
    int width = number(image, "width", column);
    byte[] data = image.getAs("data");
    if (height < 1
        || width < 1
        || data == null
        || data.length != (long) height * width * channels
        || data.length / channels > (Integer.MAX_VALUE - 8) / 3) {
      throw new RowFailure(
          ErrorClass.IMAGE_INVALID,
          "column "
              + column
              + " holds "
              + (data == null ? 0 : data.length)
              + " bytes for an image of "
              + width
              + " x "
              + height
              + " pixels with "
              + channels
              + " channels",
          null);
    }
    byte[] rgb = new byte[height * width * 3];
    for (int i = 0; i < height * width; i++) {
      int from = i * channels;
      rgb[3 * i] = data[channels == 1 ? from : from + 2];
      rgb[3 * i + 1] = data[channels == 1 ? from : from + 1];
      rgb[3 * i + 2] = data[from];
    }
    return new RgbImage(height, width, rgb);
  }

  private static int number(Row image, String field, String column) throws RowFailure {
    Object value = image.getAs(field);
    if (value instanceof Integer number) {
      return number;
    }
    throw new RowFailure(ErrorClass.IMAGE_INVALID, "column " + column + " has no " + field, null);
  }
}
