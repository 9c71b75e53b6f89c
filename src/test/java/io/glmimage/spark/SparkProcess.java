package io.glmimage.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Spark programs in processes of their own, from the distribution at {@code SPARK_HOME}. */
final class SparkProcess {
  private static final String[] OPENED = {
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar"
  };

  private SparkProcess() {}

  /** {@code -Dspark.home}, else {@code SPARK_HOME}, where it has Spark's jars. */
  static Optional<Path> home() {
    for (String name :
        new String[] {System.getProperty("spark.home"), System.getenv("SPARK_HOME")}) {
      if (name != null && Files.isDirectory(Path.of(name, "jars"))) {
        return Optional.of(Path.of(name));
      }
    }
    return Optional.empty();
  }

  /** The classes under test, as executors need them. */
  static String ownClasses() {
    List<String> own = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(java.io.File.pathSeparator)) {
      if (Files.isDirectory(Path.of(part))) {
        own.add(part);
      }
    }
    return String.join(java.io.File.pathSeparator, own);
  }

  /**
   * Starts {@code main} under a heap, with Spark settings as system properties.
   *
   * @param log where it may write
   */
  static Process java(
      Path work, Path log, String heap, Map<String, String> settings, Class<?> main, String... args)
      throws IOException {
    return java(work, log, heap, settings, main.getName(), args);
  }

  static Process java(
      Path work, Path log, String heap, Map<String, String> settings, String main, String... args)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx" + heap);
    for (String opened : OPENED) {
      command.add("--add-opens=java.base/" + opened + "=ALL-UNNAMED");
    }
    settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main);
    command.addAll(List.of(args));
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(work.toFile()).redirectError(log.toFile());
    home().ifPresent(h -> builder.environment().put("SPARK_HOME", h.toString()));
    // PyPI's distribution has no RELEASE file from which Spark could tell.
    builder
        .environment()
        .put("SPARK_SCALA_VERSION", scala.util.Properties.versionNumberString().substring(0, 4));
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    return builder.start();
  }

  /** What a driver needs, with executors of {@code heap}. */
  static Map<String, String> settings(String heap) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.driver.host", "127.0.0.1");
    settings.put("spark.ui.enabled", "false");
    // Spark wants 450 MiB of heap at least unless told how much it keeps for itself.
    settings.put("spark.testing.reservedMemory", Integer.toString(32 << 20));
    settings.put("spark.executor.memory", heap);
    settings.put("spark.executor.cores", "1");
    settings.put("spark.executor.extraClassPath", ownClasses());
    return settings;
  }

  /** The {@code RESULT name=value} lines of a driver that ends well; later ones win. */
  static Map<String, String> results(Process driver, Path log) throws Exception {
    Map<String, String> results = new LinkedHashMap<>();
    Thread end = new Thread(() -> endAfter(driver, 300));
    end.setDaemon(true);
    end.start();
    try (Stream<String> lines = driver.inputReader().lines()) {
      lines
          .filter(line -> line.startsWith("RESULT "))
          .forEach(
              line -> {
                int equals = line.indexOf('=');
                results.put(line.substring("RESULT ".length(), equals), line.substring(equals + 1));
              });
    }
    if (driver.waitFor() != 0) {
      List<String> tail = Files.readAllLines(log);
      throw new AssertionError(
          "the driver failed; the end of its log:\n"
              + String.join("\n", tail.subList(Math.max(0, tail.size() - 60), tail.size())));
    }
    return results;
  }

  private static void endAfter(Process process, int seconds) {
    try {
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
