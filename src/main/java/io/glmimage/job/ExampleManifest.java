package io.glmimage.job;

import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.PlaceFailures;
import io.glmimage.io.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The ten rows of the demo. The source images were made for the embedded model. */
final class ExampleManifest {
  /** The row that fails on purpose. */
  static final String BAD_ID = "10-corrupt-file";

  static final int STEPS = 20;
  static final double GUIDANCE = 1.5;

  static final String WIDE_ID = "06-wide";
  static final String WIDE_SOURCE = "06_recolor_yellow.png";
  static final String WIDE_PROMPT = "paint the diamond yellow";

  /** Gives the clearest yellow among the first 32 seeds; others give amber. */
  static final long WIDE_SEED = 25;

  private static final String IMAGES = "/models/glm-image-tiny/examples/";

  /** A text-to-image row has no source image to take its size from. */
  private static final int SIDE = 128;

  private record Example(String id, String source, String prompt, String kind) {}

  private static final List<Example> EXAMPLES =
      List.of(
          new Example(
              "01-recolor-green",
              "01_recolor_green.png",
              "Change the color of the circle to green",
              "recolor"),
          new Example("02-recolor-pink", "02_recolor_pink.png", "make the square pink", "recolor"),
          new Example(
              "03-background-cyan",
              "03_background_cyan.png",
              "Change the background to cyan",
              "background"),
          new Example(
              "04-recolor-red", "04_recolor_red.png", "Turn the cyan square red.", "recolor"),
          new Example("05-remove", "05_remove_green.png", "remove the circle", "remove"),
          new Example(WIDE_ID, WIDE_SOURCE, WIDE_PROMPT, "recolor"),
          new Example("07-tall", "07_tall.png", "make the circle red", "recolor"),
          new Example("08-grayscale", "03_background_cyan.png", "make it grayscale", "grayscale"),
          new Example(
              "09-text-to-image", null, "a red circle on a blue background", "text-to-image"),
          new Example(BAD_ID, "10_corrupt.png", "make the circle blue", "recolor"));

  private final Session session;

  ExampleManifest(Session session) {
    this.session = session;
  }

  static int size() {
    return EXAMPLES.size();
  }

  /**
   * Writes the source images and the manifest into a folder, replacing earlier ones.
   *
   * @return path of the manifest
   */
  String write(String folder) throws IOException {
    Storage storage = session.storage();
    String root = storage.qualified(folder);
    for (Example example : EXAMPLES) {
      if (example.source() != null) {
        storage.write(root + "/sources/" + example.source(), bytes(example.source()));
      }
    }
    StructType schema =
        new StructType()
            .add("id", DataTypes.StringType)
            .add("image_paths", DataTypes.createArrayType(DataTypes.StringType))
            .add("prompt", DataTypes.StringType)
            .add("seed", DataTypes.LongType)
            .add("height", DataTypes.IntegerType)
            .add("width", DataTypes.IntegerType)
            .add("num_inference_steps", DataTypes.IntegerType)
            .add("guidance_scale", DataTypes.DoubleType)
            .add("kind", DataTypes.StringType);
    List<Row> rows = new ArrayList<>();
    for (Example example : EXAMPLES) {
      boolean generated = example.source() == null;
      rows.add(
          RowFactory.create(
              example.id(),
              generated ? new String[0] : new String[] {"sources/" + example.source()},
              example.prompt(),
              example.id().equals(WIDE_ID) ? WIDE_SEED : null,
              generated ? SIDE : null,
              generated ? SIDE : null,
              STEPS,
              GUIDANCE,
              example.kind()));
    }
    String manifest = root + "/manifest.parquet";
    DataFrameWriter<Row> writer =
        session.spark().createDataFrame(rows, schema).coalesce(1).write().mode(SaveMode.Overwrite);
    PlaceFailures.run("write " + manifest, () -> writer.parquet(manifest));
    return manifest;
  }

  private static byte[] bytes(String source) throws IOException {
    return switch (source) {
      // The wide image with rows and columns exchanged: a circle above a diamond.
      case "07_tall.png" ->
          ImageEncoder.png(transposed(ImageDecoder.decode(resource(WIDE_SOURCE), source)));
      // Cut off in the middle, as after a broken upload.
      case "10_corrupt.png" -> {
        byte[] whole = resource("01_recolor_green.png");
        yield Arrays.copyOf(whole, whole.length / 2);
      }
      default -> resource(source);
    };
  }

  private static RgbImage transposed(RgbImage image) {
    byte[] from = image.pixels();
    byte[] to = new byte[from.length];
    // [height, width, 3] -> [width, height, 3]
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        System.arraycopy(from, (y * image.width() + x) * 3, to, (x * image.height() + y) * 3, 3);
      }
    }
    return new RgbImage(image.width(), image.height(), to);
  }

  static byte[] resource(String name) throws IOException {
    try (InputStream in = ExampleManifest.class.getResourceAsStream(IMAGES + name)) {
      if (in == null) {
        throw new FileNotFoundException("Cannot find resource " + IMAGES + name);
      }
      return in.readAllBytes();
    }
  }
}
