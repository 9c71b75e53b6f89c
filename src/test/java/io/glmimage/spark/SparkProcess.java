package io.glmimage.spark;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Spark programs in separate processes, from the distribution at {@code SPARK_HOME}. */
public final class SparkProcess {
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

  /**
   * Options of JVMs that are started often and run for a short time. The bytecode of other programs
   * is not checked again.
   */
  public static final String SHORT_LIVED =
      "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MetaspaceSize=256m"
          + " -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote";

  private SparkProcess() {}

  /** {@code -Dspark.home}, else {@code SPARK_HOME}, if the folder has Spark's jars. */
  public static Optional<Path> home() {
    for (String name :
        new String[] {System.getProperty("spark.home"), System.getenv("SPARK_HOME")}) {
      if (name != null && Files.isDirectory(Path.of(name, "jars"))) {
        return Optional.of(Path.of(name));
      }
    }
    return Optional.empty();
  }

  /** The classes under test, as executors need them. */
  public static String ownClasses() {
    List<String> own = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (Files.isDirectory(Path.of(part))) {
        own.add(part);
      }
    }
    return String.join(File.pathSeparator, own);
  }

  /** The class path that executors need in addition to Spark. */
  public static String classesWithoutSpark() {
    StringBuilder path = new StringBuilder();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (Files.isDirectory(Path.of(part))
          || part.contains("bytedeco")
          || part.contains("djl")
          || part.contains("twelvemonkeys")
          || part.contains("gson")
          || part.contains("jna")) {
        path.append(path.isEmpty() ? "" : File.pathSeparator).append(part);
      }
    }
    return path.toString();
  }

  /** The class path without the jars that the distribution has. */
  public static String classesBesideSpark() {
    Path jars = home().orElseThrow().resolve("jars");
    List<String> beside = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (!Files.exists(jars.resolve(Path.of(part).getFileName()))) {
        beside.add(part);
      }
    }
    return String.join(File.pathSeparator, beside);
  }

  /**
   * Starts {@code main} under a heap, with Spark settings as system properties.
   *
   * @param log the file for the output of the process
   */
  public static Process java(
      Path work, Path log, String heap, Map<String, String> settings, Class<?> main, String... args)
      throws IOException {
    return java(work, log, heap, settings, main.getName(), args);
  }

  public static Process java(
      Path work, Path log, String heap, Map<String, String> settings, String main, String... args)
      throws IOException {
    return java(System.getProperty("java.class.path"), work, log, heap, settings, main, args);
  }

  /**
   * As {@link #java(Path, Path, String, Map, Class, String...)}, with a class path of its own.
   *
   * @param classPath of the process
   */
  public static Process java(
      String classPath,
      Path work,
      Path log,
      String heap,
      Map<String, String> settings,
      String main,
      String... args)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx" + heap);
    command.addAll(List.of(SHORT_LIVED.split(" ")));
    for (String opened : OPENED) {
      command.add("--add-opens=java.base/" + opened + "=ALL-UNNAMED");
    }
    settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
    command.add("-cp");
    command.add(classPath);
    command.add(main);
    command.addAll(List.of(args));
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(work.toFile()).redirectError(log.toFile());
    home().ifPresent(h -> builder.environment().put("SPARK_HOME", h.toString()));
    // PyPI's distribution lacks the RELEASE file by which Spark recognizes a distribution.
    builder
        .environment()
        .put("SPARK_SCALA_VERSION", scala.util.Properties.versionNumberString().substring(0, 4));
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    return builder.start();
  }

  /** The settings of a driver with executors of {@code heap}. */
  public static Map<String, String> settings(String heap) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.driver.host", "127.0.0.1");
    settings.put("spark.ui.enabled", "false");
    // Spark requires 450 MiB of heap unless its reserve is set lower.
    settings.put("spark.testing.reservedMemory", Integer.toString(32 << 20));
    settings.put("spark.executor.memory", heap);
    settings.put("spark.executor.cores", "1");
    settings.put("spark.executor.extraClassPath", ownClasses());
    settings.put("spark.executor.extraJavaOptions", SHORT_LIVED);
    return settings;
  }

  /** The {@code RESULT name=value} lines of a driver, which must succeed; later lines win. */
  public static Map<String, String> results(Process driver, Path log) throws Exception {
    return results(driver, log, result -> {});
  }

  /**
   * As {@link #results(Process, Path)}.
   *
   * @param listener receives every {@code name=value} as soon as it is printed
   */
  public static Map<String, String> results(Process driver, Path log, Consumer<String> listener)
      throws Exception {
    Map<String, String> results = new LinkedHashMap<>();
    Thread end = new Thread(() -> endAfter(driver, 900));
    end.setDaemon(true);
    end.start();
    try (Stream<String> lines = driver.inputReader().lines()) {
      lines
          .filter(line -> line.startsWith("RESULT "))
          .forEach(
              line -> {
                String result = line.substring("RESULT ".length());
                int equals = result.indexOf('=');
                results.put(result.substring(0, equals), result.substring(equals + 1));
                listener.accept(result);
              });
    }
    if (driver.waitFor() != 0) {
      List<String> tail = Files.readAllLines(log);
      throw new AssertionError(
          "the driver failed after "
              + results
              + "; the end of its log:\n"
              + String.join("\n", tail.subList(Math.max(0, tail.size() - 60), tail.size())));
    }
    return results;
  }

  /** The files that {@code local-cluster} leaves below SPARK_HOME. */
  public static void removeWorkFolder(String app) throws IOException {
    Path folder = home().orElseThrow().resolve("work").resolve(app);
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(p);
        }
      }
    }
  }

  /** Whether a process is an executor that runs. */
  public static boolean isExecutor(ProcessHandle process) {
    String main = "CoarseGrainedExecutorBackend";
    try {
      // Java reads only the beginning of the command line, and class paths are long.
      String command = Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
      return process.isAlive() && command.contains(main);
    } catch (NoSuchFileException e) {
      // The process has just ended.
      return false;
    } catch (IOException e) {
      // The process has just ended, or this is not Linux.
      return process.info().commandLine().orElse("").contains(main);
    }
  }

  /** The number that Spark gave to an executor that runs; the first is 0. */
  public static String executorId(ProcessHandle executor) throws IOException {
    String command = Files.readString(Path.of("/proc/" + executor.pid() + "/cmdline"));
    List<String> words = List.of(command.split("\0", -1));
    return words.get(words.indexOf("--executor-id") + 1);
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
