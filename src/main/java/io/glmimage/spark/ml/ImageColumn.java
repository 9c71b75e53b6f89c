package io.glmimage.spark.ml;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** How a column holds source images. */
enum ImageColumn {
  /** A path on any Hadoop file system. */
  PATH,
  PATHS,
  /** The bytes of an image file. */
  FILE,
  FILES,
  /** Decoded pixels, as Spark's image data source gives them. */
  PIXELS;

  static final String EXPECTED =
      "string, array<string>, binary, array<binary> or the struct of Spark's image data source";

  private static final List<String> PIXEL_FIELDS =
      List.of("height", "width", "nchannels", "mode", "data");

  static Optional<ImageColumn> of(DataType type) {
    if (type instanceof StringType) {
      return Optional.of(PATH);
    }
    if (type instanceof BinaryType) {
      return Optional.of(FILE);
    }
    if (type instanceof ArrayType array && array.elementType() instanceof StringType) {
      return Optional.of(PATHS);
    }
    if (type instanceof ArrayType array && array.elementType() instanceof BinaryType) {
      return Optional.of(FILES);
    }
    if (type instanceof StructType struct
        && Arrays.stream(struct.fields())
            .map(StructField::name)
            .map(name -> name.toLowerCase(Locale.ROOT))
            .toList()
            .containsAll(PIXEL_FIELDS)) {
      return Optional.of(PIXELS);
    }
    return Optional.empty();
  }
}
