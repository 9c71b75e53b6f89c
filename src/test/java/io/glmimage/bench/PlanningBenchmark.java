package io.glmimage.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The cost of a job without the editing, from its start to its report, by the number of rows. Runs
 * whole jobs with the engine that edits nothing. Each job has its own JVM with two cores and a heap
 * of 2 GB, which driver and executor share. {@code mvn -B test -Dtest=PlanningBenchmark
 * -Dexcluded.tags= -Dbench.rows=10000,100000}
 *
 * <p>{@code -Dbench.modes} selects the measurements (default {@code run}): {@code run} a first run,
 * {@code again} the same command again, {@code changed} again with every hundredth row changed,
 * {@code failing} a run in which every row fails, {@code unnamed} a manifest without ids, {@code
 * validate} the check of the manifest, {@code counted} a run on a file system that counts requests.
 * {@code -Dbench.dir} is the folder for manifests and results, {@code -Dbench.heap} the heap,
 * {@code -Dbench.chart} an SVG file for a chart of CPU seconds over rows.
 */
@Tag("slow")
@Tag("spark")
@Timeout(value = 6, unit = TimeUnit.HOURS)
class PlanningBenchmark {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder =
      Path.of(System.getProperty("bench.dir", "target/planning-benchmark")).toAbsolutePath();

  @Test
  void runsWithoutEditing() throws Exception {
    List<String> modes = List.of(System.getProperty("bench.modes", "run").split(","));
    Map<Long, Double> seconds = new LinkedHashMap<>();
    for (String number : System.getProperty("bench.rows", "10000").split(",")) {
      long rows = Long.parseLong(number);
      remove(folder);
      Files.createDirectories(folder);
      try {
        for (String mode : modes) {
          double taken = measure(mode, rows);
          if (mode.equals("run")) {
            seconds.merge(rows, taken, Math::min);
          }
        }
      } finally {
        remove(folder);
      }
    }
    String chart = System.getProperty("bench.chart");
    if (chart != null && !seconds.isEmpty()) {
      Files.createDirectories(Path.of(chart).toAbsolutePath().getParent());
      Files.writeString(Path.of(chart), GrowthChart.svg(seconds));
    }
  }

  private double measure(String mode, long rows) throws Exception {
    // The second and third command find the results of the first.
    boolean follows = mode.equals("again") || mode.equals("changed");
    Path manifest = folder.resolve((mode.equals("again") ? "run" : mode) + ".parquet");
    Path output = folder.resolve((follows ? "run" : mode) + "-out");
    if (Files.notExists(manifest)) {
      child(List.of("write", mode, Long.toString(rows), manifest.toString()));
    }
    if (!follows) {
      remove(output);
    }
    List<String> command = new ArrayList<>();
    if (mode.equals("validate")) {
      command.addAll(List.of("job", "validate", "--manifest", manifest.toString()));
      command.addAll(List.of("--sample", "0"));
    } else {
      String scheme = mode.equals("counted") ? CountingFileSystem.SCHEME + "://" : "";
      command.addAll(List.of("job", "edit", "--manifest", manifest.toString()));
      command.addAll(List.of("--output", scheme + output, "--engine", "noop"));
      command.addAll(List.of("--batch-size", "32"));
    }
    command.addAll(List.of("--master", "local[2]"));
    JsonNode figures = child(command);
    System.out.printf(Locale.ROOT, "BENCH %s rows=%d %s%n", mode, rows, figures);
    assertEquals(mode.equals("failing") ? 2 : 0, figures.path("exit").asInt());
    if (!mode.equals("validate")) {
      JsonNode summary = JSON.readTree(output.resolve("summary.json").toFile());
      System.out.printf(
          Locale.ROOT,
          "BENCH %s rows=%d ok=%d kept=%d phases=%s files-left=%d MB-left=%d%n",
          mode,
          rows,
          summary.path("ok").asLong(),
          summary.path("kept").asLong(),
          summary.path("phase_seconds"),
          files(output),
          bytes(output) / 1_000_000);
      assertEquals(rows, summary.path("ok").asLong() + summary.path("failed").asLong());
    }
    return figures.path("cpu_seconds").asDouble();
  }

  private static JsonNode child(List<String> arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    // Spark's --add-opens are among this JVM's own options.
    for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (option.startsWith("--add-opens")) {
        command.add(option);
      }
    }
    command.add("-Xmx" + System.getProperty("bench.heap", "2g"));
    command.addAll(List.of("-XX:ActiveProcessorCount=2", "-XX:+ExitOnOutOfMemoryError"));
    command.addAll(List.of("-Dspark.hadoop.fs.counted.impl=" + CountingFileSystem.class.getName()));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), PlanningRun.class.getName()));
    command.addAll(arguments);
    Path log = Files.createTempFile("planning", ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      int code = process.waitFor();
      String output = Files.readString(log, StandardCharsets.UTF_8);
      assertEquals(0, code, output);
      String last = output.stripTrailing();
      last = last.substring(last.lastIndexOf('\n') + 1);
      assertTrue(last.startsWith("{"), output);
      return JSON.readTree(last);
    } finally {
      process.destroyForcibly();
      Files.delete(log);
    }
  }

  private static long files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).count();
    }
  }

  private static long bytes(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
  }

  private static void remove(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(path);
        }
      }
    }
  }
}
