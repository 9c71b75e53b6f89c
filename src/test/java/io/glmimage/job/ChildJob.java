package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.spark.SparkProcess;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A job in a separate JVM, by default a {@link FakeJob}. */
final class ChildJob implements AutoCloseable {
  /** Settings of the tests that make jobs of a few rows faster. */
  private static final List<String> FOR_FEW_ROWS =
      List.of(
          "spark.sql.codegen.wholeStage",
          "spark.sql.codegen.factoryMode",
          "spark.sql.shuffle.partitions");

  /** Spark's defaults in place of these settings; for {@code options}. */
  static final List<String> FOR_MANY_ROWS =
      List.of(
          "-Dspark.sql.codegen.wholeStage=true",
          "-Dspark.sql.codegen.factoryMode=FALLBACK",
          "-Dspark.sql.shuffle.partitions=64");

  private final Process process;
  private final Path log;

  ChildJob(Path log, List<String> arguments) throws IOException {
    this(log, List.of(), null, arguments);
  }

  /**
   * @param options of the JVM
   * @param sparkHome for executors in processes of their own, or null
   */
  ChildJob(Path log, List<String> options, Path sparkHome, List<String> arguments)
      throws IOException {
    this(log, options, sparkHome, FakeJob.class, arguments);
  }

  /**
   * @param environment variables besides those of this process
   */
  ChildJob(Path log, Map<String, String> environment, List<String> options, List<String> arguments)
      throws IOException {
    this(log, options, null, FakeJob.class, environment, arguments);
  }

  /**
   * @param main the main class
   */
  ChildJob(Path log, List<String> options, Path sparkHome, Class<?> main, List<String> arguments)
      throws IOException {
    this(log, options, sparkHome, main, Map.of(), arguments);
  }

  private ChildJob(
      Path log,
      List<String> options,
      Path sparkHome,
      Class<?> main,
      Map<String, String> environment,
      List<String> arguments)
      throws IOException {
    this.log = log;
    List<String> command = new ArrayList<>();
    command.addAll(java());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().putAll(environment);
    if (sparkHome != null) {
      builder.environment().put("SPARK_HOME", sparkHome.toString());
      builder.environment().put("SPARK_SCALA_VERSION", "2.12");
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      builder.directory(log.getParent().toFile());
    }
    process = builder.start();
  }

  /** The command of a JVM with this one's settings of Spark. */
  static List<String> java() {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    // Spark's --add-opens are among this JVM's own options.
    for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (option.startsWith("--add-opens")) {
        command.add(option);
      }
    }
    for (String setting : FOR_FEW_ROWS) {
      if (System.getProperty(setting) != null) {
        command.add("-D" + setting + "=" + System.getProperty(setting));
      }
    }
    command.add("-Xmx512m");
    command.addAll(List.of(SparkProcess.SHORT_LIVED.split(" ")));
    return command;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Ends the process and its executors without warning, like the loss of a host. */
  void kill() throws InterruptedException {
    List<ProcessHandle> children = process.descendants().toList();
    process.destroyForcibly();
    process.waitFor();
    children.forEach(ProcessHandle::destroyForcibly);
  }

  /** Asks the process to end, with a signal such as {@code TERM}. */
  void signal(String name) throws IOException, InterruptedException {
    assertEquals(
        0, new ProcessBuilder("kill", "-" + name, process.pid() + "").start().waitFor(), name);
  }

  /** As {@link #kill}, but the executors keep running. */
  void killDriver() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  /** The processes of executors that are alive. */
  List<ProcessHandle> executors() {
    return process.descendants().filter(SparkProcess::isExecutor).toList();
  }

  int exitCode() throws InterruptedException, IOException {
    return exitCode(8);
  }

  int exitCode(int minutes) throws InterruptedException, IOException {
    if (!process.waitFor(minutes, TimeUnit.MINUTES)) {
      kill();
      throw new AssertionError("The job did not end in " + minutes + " minutes:\n" + output());
    }
    return process.exitValue();
  }

  String output() throws IOException {
    return Files.readString(log);
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
