package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
  @TempDir private Path folder;

  @Test
  void measuresEveryPartAtASmallGeometry() throws IOException {
    Path json = folder.resolve("bench.json");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int code =
        run(
            out,
            List.of(
                "bench",
                "--geometry",
                "tiny",
                "--device",
                "cpu",
                "--height",
                "64",
                "--width",
                "96",
                "--steps",
                "9",
                "--step-cache",
                "0.3",
                "--edits",
                "2",
                "--precision",
                "fp8",
                "--json",
                json.toString()));
    assertEquals(ExitCode.DONE, code);
    JsonNode written = new ObjectMapper().readTree(json.toFile());
    assertEquals("fp8", written.get("precision").asText());
    JsonNode figures = written.get("figures");
    assertEquals(12, figures.size());
    assertTrue(
        out.toString(StandardCharsets.UTF_8)
            .matches("(?s).*edit, an image of 2, [1-7] steps reused .*"),
        out.toString(StandardCharsets.UTF_8));
    for (JsonNode figure : figures) {
      String name = figure.get("name").asText();
      assertTrue(out.toString(StandardCharsets.UTF_8).contains(name), name);
      // A step is a difference of two times, which may be lost in noise.
      assertTrue(figure.get("seconds").asDouble() > 0 || name.contains("decode step"), name);
    }
  }

  @Test
  void wrongSizesAreRefusedBeforeAnyWork() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertEquals(
        ExitCode.USAGE, run(out, List.of("bench", "--geometry", "tiny", "--height", "100")));
    assertTrue(
        out.toString(StandardCharsets.UTF_8).contains("multiples of 32"),
        out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void anUnknownPrecisionIsRefused() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertEquals(
        ExitCode.USAGE, run(out, List.of("bench", "--geometry", "tiny", "--precision", "fp4")));
    assertTrue(
        out.toString(StandardCharsets.UTF_8)
            .contains("Invalid --precision: fp4, expected auto or fp8 or prior-int8"),
        out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void aFileThatCannotBeWrittenIsRefusedBeforeTheBenchmark() {
    for (Path json : List.of(folder, folder.resolve("none/bench.json"))) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      assertEquals(
          ExitCode.USAGE,
          run(out, List.of("bench", "--geometry", "tiny", "--json", json.toString())));
      assertTrue(
          out.toString(StandardCharsets.UTF_8).contains("Invalid --json: " + json + ", it"),
          out.toString(StandardCharsets.UTF_8));
    }
  }

  private static int run(ByteArrayOutputStream out, List<String> args) {
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    return EditImagesJob.run(args, options -> null, stream, stream, false);
  }
}
