package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertNull;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.FakeEngines;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The program's command line in this process, with {@link FakeEngines}. Keeps the output of the
 * last command and the number of rows that it edited.
 */
final class JobConsole {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private int edited;

  /** Runs a command with the real engine and gives its exit code. */
  int real(List<String> args) {
    out.reset();
    err.reset();
    return EditImagesJob.run(
        args, CheckpointModel::new, new PrintStream(out), new PrintStream(err), false);
  }

  /** Runs a command and gives its exit code. */
  int run(String... args) {
    out.reset();
    err.reset();
    int before = FakeEngines.EDITED.get();
    int code =
        EditImagesJob.run(
            List.of(args), FakeEngines::new, new PrintStream(out), new PrintStream(err), false);
    edited = FakeEngines.EDITED.get() - before;
    return code;
  }

  int edit(String manifest, String output, String... more) {
    List<String> args = new ArrayList<>(List.of("--manifest", manifest, "--output", output));
    args.addAll(List.of(more));
    return run(args.toArray(String[]::new));
  }

  String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  int edited() {
    return edited;
  }

  /** The rows of a result table by id. Each id must occur once. */
  static Map<String, Row> results(SparkSession spark, String output) {
    Map<String, Row> byId = new TreeMap<>();
    for (Row row : spark.read().parquet(output + "/results").collectAsList()) {
      assertNull(byId.put(row.getAs("id"), row), "an id with two lines");
    }
    return byId;
  }

  /** A PNG file of one grey. */
  static byte[] png(int height, int width, int value) {
    byte[] pixels = new byte[height * width * 3];
    Arrays.fill(pixels, (byte) value);
    return ImageEncoder.png(new RgbImage(height, width, pixels));
  }
}
