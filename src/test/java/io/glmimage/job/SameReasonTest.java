package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.output.ResultColumn;
import io.glmimage.spark.engine.CheckpointModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code validate} finds the rows that {@code edit} fails, with the same reasons. */
@Tag("spark")
class SameReasonTest extends SharedSession {
  private static final Path IMAGES = Path.of("src/test/resources/images");
  private static final String IMAGE = "\"prompt\":\"p\",\"image_paths\":\"a.png\"";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  /** Runs a command with the demonstration model. */
  private int run(String... args) {
    out.reset();
    err.reset();
    return EditImagesJob.run(
        List.of(args),
        CheckpointModel::new,
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        false);
  }

  /** A row without its braces, with an id; {@code ~} is a byte that is not UTF-8. */
  private void write(Path file, List<String> rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      text.append("{\"id\":\"r").append(i).append("\",").append(rows.get(i)).append("}\n");
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = bytes[i] == '~' ? (byte) 0xE9 : bytes[i];
    }
    Files.write(file, bytes);
  }

  private void sources() throws IOException {
    Files.write(folder.resolve("a.png"), JobConsole.png(32, 32, 9));
    Files.write(folder.resolve("long.png"), JobConsole.png(32, 160, 9));
    Files.write(folder.resolve("text.png"), "no image".getBytes(StandardCharsets.UTF_8));
    Files.write(folder.resolve("empty.png"), new byte[0]);
    Files.write(folder.resolve("cut.png"), Arrays.copyOf(JobConsole.png(32, 32, 9), 20));
    try (RandomAccessFile huge = new RandomAccessFile(folder.resolve("huge.png").toFile(), "rw")) {
      huge.write(JobConsole.png(32, 32, 9));
      huge.setLength((256L << 20) + 1);
    }
    byte[] wide = JobConsole.png(32, 32, 9);
    ByteBuffer.wrap(wide).putInt(16, 100_000).putInt(20, 100_000);
    CRC32 crc = new CRC32();
    crc.update(wide, 12, 17);
    ByteBuffer.wrap(wide).putInt(29, (int) crc.getValue());
    Files.write(folder.resolve("wide.png"), wide);
    // Longer than what is read for a header.
    Files.write(folder.resolve("wide-long.png"), Arrays.copyOf(wide, 1 << 18));
    byte[] gif = Files.readAllBytes(IMAGES.resolve("gif_interlaced.gif"));
    Arrays.fill(gif, 6, 10, (byte) 0x7f);
    Files.write(folder.resolve("wide.gif"), gif);
    byte[] palette = Files.readAllBytes(IMAGES.resolve("png_palette.png"));
    palette[new String(palette, StandardCharsets.ISO_8859_1).indexOf("PLTE") + 5] ^= 0x55;
    Files.write(folder.resolve("palette.png"), palette);
    Files.createDirectory(folder.resolve("folder.png"));
  }

  private static List<String> badValues() {
    List<String> rows = new ArrayList<>();
    for (String field :
        List.of("height", "width", "num_inference_steps", "seed", "guidance_scale")) {
      for (String value : List.of("\"64\"", "1.5e400", "[64]", "true", "-1e30", "\"\"")) {
        rows.add(IMAGE + ",\"" + field + "\":" + value);
      }
    }
    rows.add(IMAGE + ",\"height\":31");
    rows.add(IMAGE + ",\"width\":4097");
    rows.add(IMAGE + ",\"height\":4096,\"width\":4096");
    rows.add(IMAGE + ",\"height\":64.5");
    rows.add(IMAGE + ",\"num_inference_steps\":0");
    rows.add(IMAGE + ",\"guidance_scale\":101");
    rows.add(IMAGE + ",\"seed\":9223372036854775808");
    rows.add(IMAGE + ",\"guidance_scale\":1e99999999999");
    return rows;
  }

  private static List<String> badPromptsAndLines() {
    List<String> rows = new ArrayList<>();
    rows.add("\"image_paths\":\"a.png\"");
    rows.add("\"prompt\":\" \\u200b\",\"image_paths\":\"a.png\"");
    rows.add("\"prompt\":\"\\u0000\",\"image_paths\":\"a.png\"");
    rows.add("\"prompt\":5,\"image_paths\":\"a.png\"");
    rows.add("\"prompt\":\"caf~\",\"image_paths\":\"a.png\"");
    rows.add("\"prompt\":\"\\ud800\",\"image_paths\":\"a.png\"");
    rows.add(IMAGE + ",\"deep\":" + "[".repeat(300) + "]".repeat(300));
    rows.add(IMAGE + ",\"prompt\":\"again\"");
    rows.add(IMAGE + ",\"digits\":" + "9".repeat(1001));
    rows.add(IMAGE + ",\"\":1");
    rows.add(IMAGE + ",\"x\":}");
    rows.add(IMAGE + "} {\"y\":1");
    return rows;
  }

  private static List<String> badPaths() {
    String bare = Base64.getEncoder().encodeToString(JobConsole.png(32, 32, 9));
    String png = "data:image/png;base64,";
    List<String> rows = new ArrayList<>();
    for (String path :
        List.of(
            "gone.png",
            "folder.png",
            "text.png",
            "empty.png",
            "cut.png",
            "huge.png",
            "wide.png",
            "wide-long.png",
            "wide.gif",
            "palette.png",
            "long.png",
            "a.png/b.png",
            "https://host/a.png",
            "nofs://host/a.png",
            "s3x:a.png",
            "file:///gone%20.png",
            "x".repeat(300) + ".png",
            "x".repeat(5000),
            "a\\u0000.png",
            bare,
            "data:image/png;base64",
            "data:image/png",
            "data:",
            png,
            png + "!",
            png + bare.substring(0, 20),
            png + "YWJj",
            "DATA:image/png," + bare)) {
      rows.add("\"prompt\":\"p\",\"image_paths\":\"" + path + "\"");
      rows.add("\"prompt\":\"p\",\"image_paths\":[\"a.png\",\"" + path + "\"]");
    }
    rows.add("\"prompt\":\"p\",\"image_paths\":[null]");
    rows.add("\"prompt\":\"p\",\"image_paths\":{\"path\":\"a.png\"}");
    rows.add("\"prompt\":\"p\",\"image_paths\":null,\"image_path\":\"a.png\"");
    return rows;
  }

  @Test
  void validateGivesTheReasonsOfEdit() throws IOException {
    sources();
    List<String> rows = new ArrayList<>(badValues());
    rows.addAll(badPromptsAndLines());
    rows.addAll(badPaths());
    Path manifest = folder.resolve("rows.jsonl");
    write(manifest, rows);

    assertEquals(
        2, run("validate", "--manifest", manifest.toString(), "--full", "--json"), err::toString);
    JsonNode report = new ObjectMapper().readTree(out.toString(StandardCharsets.UTF_8));
    Map<String, String> validated = new TreeMap<>();
    report
        .get("examples")
        .properties()
        .forEach(
            examples ->
                examples
                    .getValue()
                    .forEach(
                        message -> {
                          String why = message.textValue();
                          String id = why.replaceFirst("(?s)^Cannot edit row ([^:]*): .*$", "$1");
                          validated.put(id, examples.getKey() + ": " + why);
                        }));

    String output = folder + "/out";
    assertEquals(
        2,
        run("--manifest", manifest.toString(), "--output", output, "--steps", "2"),
        err::toString);
    Map<String, String> edited = new TreeMap<>();
    List<String> notFailed = new ArrayList<>();
    for (Row row : spark.read().parquet(output + "/results").collectAsList()) {
      String id = row.getAs(ResultColumn.ID.column());
      String why = row.getAs(ResultColumn.ERROR.column());
      if (why == null) {
        notFailed.add(id);
      } else {
        edited.put(id, row.getAs(ResultColumn.ERROR_CLASS.column()) + ": " + why);
      }
    }
    assertEquals(String.join("\n", edited.values()), String.join("\n", validated.values()));
    assertEquals(List.of(), notFailed);
    assertEquals(rows.size(), report.get("bad_rows").asInt());
    String quoted = edited.get("r0");
    assertTrue(
        quoted.endsWith(
            "height is the text \"64\", expected a whole number (write it without quotation"
                + " marks)"),
        quoted);
  }
}
