package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.image.ImageDecoder;
import io.glmimage.json.Json;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.Until;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run on executors in processes of their own, as operators see it: metrics, event log and history
 * server. Needs the scripts of a Spark installation.
 */
@Tag("spark")
@Tag("resume")
class ObservedClusterTest {
  private static final String SECRET = "planted-secret-value";
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @TempDir private Path folder;
  private Path home;
  private Path output;
  private final Map<String, String> settings = new LinkedHashMap<>();

  @BeforeEach
  void prepare() throws IOException {
    home = SparkProcess.home().orElse(null);
    assumeTrue(
        home != null && Files.isExecutable(home.resolve("bin/spark-class")),
        "Skipped: no Spark installation; give one with -Dspark.home or SPARK_HOME"
            + " (.ci/pyspark.sh makes one)");
    output = folder.resolve("out");
    settings.put("spark.driver.host", "127.0.0.1");
    settings.put("spark.executor.memory", "512m");
    settings.put("spark.executor.extraJavaOptions", SparkProcess.SHORT_LIVED);
    settings.put("spark.executor.extraClassPath", System.getProperty("java.class.path"));
    settings.put("spark.metrics.conf", Path.of("conf/metrics.properties").toAbsolutePath() + "");
    // The sink does not make its folder.
    settings.put(
        "spark.metrics.conf.*.sink.csv.directory",
        Files.createDirectory(folder.resolve("csv")).toString());
    settings.put("spark.hadoop.fs.s3a.secret.key", SECRET);
  }

  private ChildJob start(int rows, String... more) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      lines.append("{\"id\": \"r" + i + "\", \"prompt\": \"p" + i + "\", \"seed\": " + i);
      lines.append(", \"height\": 32, \"width\": 32}\n");
    }
    // One row that fails.
    lines.append("{\"id\": \"bad\", \"prompt\": \"p\", \"image_paths\": \"missing.png\"}\n");
    Path manifest = Files.writeString(folder.resolve("rows.jsonl"), lines);
    List<String> arguments = new ArrayList<>(List.of("--manifest", manifest.toString()));
    arguments.addAll(List.of("--output", output.toString(), "--model", "slow"));
    arguments.addAll(List.of("--steps", "20", "--guidance", "1.5"));
    arguments.addAll(List.of(more));
    List<String> options = new ArrayList<>();
    settings.forEach((name, value) -> options.add("-D" + name + "=" + value));
    return new ChildJob(folder.resolve("job.log"), options, home, arguments);
  }

  /** All rows are there once, with the images of an undisturbed run. */
  private void requireRows(int rows) throws IOException {
    Set<String> ids = new TreeSet<>();
    try (Session session = Session.open("local[1]", "test")) {
      for (Row row : session.spark().read().parquet(output + "/results").collectAsList()) {
        String id = row.getAs("id");
        assertTrue(ids.add(id), id + " is there twice");
        assertEquals(id.equals("bad") ? "FAILED" : "OK", row.getAs("status"), id);
      }
    }
    assertEquals(rows + 1, ids.size());
    for (int i = 0; i < rows; i++) {
      byte[] image = Files.readAllBytes(output.resolve("images/r" + i + ".png"));
      // The colour of the request; see FakeEngines.
      int key = ("p" + i + (long) i + 20 + 1.5).hashCode() + Double.hashCode(0);
      byte[] pixels = ImageDecoder.decode(image, "r" + i).pixels();
      assertArrayEquals(
          new byte[] {(byte) key, (byte) (key >> 8), (byte) (key >> 16)},
          Arrays.copyOf(pixels, 3),
          "r" + i);
    }
    try (Stream<Path> images = Files.list(output.resolve("images"))) {
      assertEquals(rows, images.count());
    }
  }

  @Test
  void theFiguresOfTheExecutorsAddUpAndTheHistoryHasNoSecrets() throws Exception {
    int page = freePort();
    Path events = Files.createDirectory(folder.resolve("events"));
    settings.put("spark.master", "local-cluster[2,1,512]");
    // Otherwise the first executor may have edited all rows before the second one has started.
    settings.put("spark.scheduler.minRegisteredResourcesRatio", "1.0");
    settings.put("spark.scheduler.maxRegisteredResourcesWaitingTime", "120s");
    settings.put("spark.ui.enabled", "true");
    settings.put("spark.ui.port", "" + page);
    settings.put("spark.eventLog.enabled", "true");
    settings.put("spark.eventLog.dir", events.toUri().toString());
    Map<String, String> scraped = new TreeMap<>();
    Set<ProcessHandle> executors = new HashSet<>();
    try (ChildJob job = start(120, "--partitions", "6", "--commit-seconds", "0")) {
      URI metrics = URI.create("http://127.0.0.1:" + page + "/metrics/prometheus/");
      while (job.isAlive()) {
        get(metrics).ifPresent(text -> scraped.putAll(series(text)));
        executors.addAll(job.executors());
        Thread.sleep(50);
      }
      assertEquals(2, job.exitCode(), job.output());
      assertFalse(job.output().contains(SECRET), "a secret in the log");
    }
    // They write their last figures when the driver has ended.
    Until.holds(
        "the executors have ended", () -> executors.stream().noneMatch(ProcessHandle::isAlive));
    requireRows(120);
    requireDriverSums(scraped);

    String application;
    try (Stream<Path> logs = Files.list(events)) {
      application = logs.toList().get(0).getFileName().toString();
    }
    Map<String, Long> done = csv(application, "rows.done", 1);
    assertEquals(Set.of("0", "1"), done.keySet(), "both executors have figures");
    assertEquals(121, sum(done));
    assertTrue(done.values().stream().allMatch(rows -> rows > 0), done.toString());
    assertEquals(1, sum(csv(application, "rows.failed", 1)));
    assertEquals(120, sum(csv(application, "seconds.row", 1)));
    JsonNode figures = Json.MAPPER.readTree(output.resolve("metrics.json").toFile());
    assertEquals(121, figures.get("rows").asInt());
    double busy = figures.get("engine_busy_seconds").asDouble();
    assertTrue(busy > 120 * 0.02, "busy " + busy);
    // Executors count whole milliseconds of each batch.
    assertEquals(busy, sum(csv(application, "engine.busy.ms", 1)) / 1000.0, 0.121);

    requireNoSecret(events);
    requireNoSecret(output);
    requireNoSecret(home.resolve("work").resolve(application));
    SparkProcess.removeWorkFolder(application);
    requireHistory(events, application);
  }

  private static void requireDriverSums(Map<String, String> scraped) {
    String found = scraped.toString();
    Map<String, String> gauges = new TreeMap<>();
    scraped.forEach(
        (name, value) -> {
          if (name.contains("_driver_glm_image_run_")) {
            gauges.put(name.replaceFirst(".*_glm_image_run_", ""), value);
          }
        });
    assertTrue(Integer.parseInt(gauges.get("rows_done_Value")) > 0, found);
    assertTrue(gauges.containsKey("rows_failed_Value"), found);
    assertTrue(gauges.containsKey("engine_busy_ms_Value"), found);
  }

  /** The values of a page for Prometheus by name. */
  private static Map<String, String> series(String page) {
    Map<String, String> series = new TreeMap<>();
    Matcher lines = Pattern.compile("(?m)^(\\w+)\\{[^}]*} (\\S+)$").matcher(page);
    while (lines.find()) {
      series.put(lines.group(1), lines.group(2));
    }
    return series;
  }

  private static Optional<String> get(URI page) throws InterruptedException {
    try {
      HttpResponse<String> answer =
          HTTP.send(
              HttpRequest.newBuilder(page).timeout(Duration.ofSeconds(10)).build(),
              HttpResponse.BodyHandlers.ofString());
      return answer.statusCode() == 200 ? Optional.of(answer.body()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // It does not listen yet, or ends while it answers.
    }
  }

  /** The last value of a metric of each executor, by executor. */
  private Map<String, Long> csv(String application, String metric, int column) throws IOException {
    Pattern name =
        Pattern.compile(
            Pattern.quote(application)
                + "\\.(\\d+)\\.glm_image\\."
                + Pattern.quote(metric)
                + ".csv");
    Map<String, Long> values = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder.resolve("csv"))) {
      for (Path file : files.toList()) {
        Matcher matcher = name.matcher(file.getFileName().toString());
        if (matcher.matches()) {
          List<String> lines = Files.readAllLines(file);
          String last = lines.get(lines.size() - 1).split(",", -1)[column];
          values.put(matcher.group(1), Long.parseLong(last));
        }
      }
    }
    return values;
  }

  private static long sum(Map<String, Long> values) {
    return values.values().stream().mapToLong(Long::longValue).sum();
  }

  private static void requireNoSecret(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        assertFalse(text.contains(SECRET), file.toString());
      }
    }
  }

  private void requireHistory(Path events, String application) throws Exception {
    int port = freePort();
    Path log = folder.resolve("history.log");
    Process server =
        SparkProcess.java(
            folder,
            log,
            "512m",
            Map.of(
                "spark.history.fs.logDirectory",
                events.toUri().toString(),
                "spark.history.ui.port",
                "" + port,
                "spark.history.fs.update.interval",
                "1s"),
            "org.apache.spark.deploy.history.HistoryServer");
    try {
      String root = "http://127.0.0.1:" + port + "/api/v1/applications/" + application;
      Until.holds(
          "the history server has the application",
          () -> {
            assertTrue(server.isAlive(), () -> text(log));
            return get(URI.create(root)).isPresent();
          });
      JsonNode entry = Json.MAPPER.readTree(get(URI.create(root)).orElseThrow());
      assertEquals("glm-image-spark: edit rows.jsonl", entry.get("name").asText());
      Set<String> described = new LinkedHashSet<>();
      for (JsonNode job : Json.MAPPER.readTree(get(URI.create(root + "/jobs")).orElseThrow())) {
        described.add(job.path("description").asText("none"));
      }
      assertEquals(
          Set.of(
              "Read the manifest rows.jsonl",
              "Count and check the rows of rows.jsonl",
              "Find the rows to edit",
              "Edit 121 rows",
              "Write the result table",
              "Summarize the results",
              "Write the report"),
          described);
      String environment = get(URI.create(root + "/environment")).orElseThrow();
      assertTrue(environment.contains("fs.s3a.secret.key"), environment);
      assertFalse(environment.contains(SECRET), "a secret in the history server");
    } finally {
      server.destroyForcibly().waitFor();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
