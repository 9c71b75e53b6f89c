package io.glmimage.job;

import io.glmimage.spark.Until;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.ml.ImageEditor;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * A driver that runs commands in one Spark session. Each line of standard input is a command, with
 * tabs between the words: {@code edit} with its options; {@code editor} (an {@link ImageEditor})
 * with manifest, output folder, model and {@code --weights}; {@code executors N}, which waits for N
 * executors.
 */
public final class JobServer {
  private static final String END = "COMMAND ENDED ";

  private JobServer() {}

  /** The only argument is the master. */
  public static void main(String[] args) throws Exception {
    // Spark logs to standard error, so the output of commands is collected separately.
    PrintStream answers = System.out;
    SparkSession spark = SparkSession.builder().appName("jobs").master(args[0]).getOrCreate();
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      answers.println(spark.sparkContext().applicationId());
      answers.println(END + 0);
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        List<String> words = List.of(line.split("\t"));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int code = run(spark, words, new PrintStream(said, true, StandardCharsets.UTF_8));
        answers.println(said.toString(StandardCharsets.UTF_8));
        answers.println(END + code);
      }
    } finally {
      spark.stop();
    }
  }

  private static int run(SparkSession spark, List<String> words, PrintStream err) {
    try {
      switch (words.get(0)) {
        case "edit" -> {
          return EditImagesJob.run(
              words,
              CheckpointModel::new,
              new PrintStream(OutputStream.nullOutputStream()),
              err,
              false);
        }
        case "editor" -> editor(spark, words);
        case "executors" -> awaitExecutors(spark, Integer.parseInt(words.get(1)));
        default -> throw new IllegalArgumentException(words.get(0));
      }
      return 0;
    } catch (Exception e) {
      e.printStackTrace(err);
      return -1;
    }
  }

  private static void editor(SparkSession spark, List<String> words) throws IOException {
    List<Row> edited =
        new ImageEditor()
            .setInputCols("image_paths")
            .setModelUrl(words.get(3))
            .setWeights(words.get(4))
            .setDevice("cpu")
            .setHeight(32)
            .setWidth(32)
            .setNumInferenceSteps(1)
            .transform(spark.read().json(words.get(1)).repartition(4))
            .collectAsList();
    Path output = Files.createDirectories(Path.of(words.get(2), "images"));
    for (Row row : edited) {
      Files.write(output.resolve(row.getAs("id") + ".png"), row.<byte[]>getAs("edited"));
    }
  }

  private static void awaitExecutors(SparkSession spark, int count) {
    // The driver is one of them.
    Until.holds(
        "there are " + count + " executors",
        () -> spark.sparkContext().statusTracker().getExecutorInfos().length > count);
  }

  /**
   * The result of a command.
   *
   * @param said the standard error output
   */
  record Outcome(int code, String said) {}

  /** The other end: starts commands and kills executors. */
  static final class Client implements AutoCloseable {
    private static final long TIMEOUT_MINUTES = 10;

    private final Process process;
    private final Path log;
    private final Writer commands;
    private final BufferedReader answers;
    private final String application;

    Client(Process process, Path log) throws IOException {
      this.process = process;
      this.log = log;
      commands = process.outputWriter(StandardCharsets.UTF_8);
      answers = process.inputReader(StandardCharsets.UTF_8);
      application = outcome().said().strip();
    }

    String application() {
      return application;
    }

    Outcome run(String... words) throws IOException {
      start(words);
      return outcome();
    }

    /** Starts a command; {@link #outcome} waits for it. */
    void start(String... words) throws IOException {
      commands.write(String.join("\t", words) + "\n");
      commands.flush();
    }

    Outcome outcome() throws IOException {
      // Reading from a process cannot be interrupted.
      CompletableFuture<Void> timeout =
          CompletableFuture.runAsync(
              process::destroyForcibly,
              CompletableFuture.delayedExecutor(TIMEOUT_MINUTES, TimeUnit.MINUTES));
      List<String> said = new ArrayList<>();
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith(END)) {
          timeout.cancel(false);
          return new Outcome(
              Integer.parseInt(line.substring(END.length())), String.join("\n", said));
        }
        said.add(line);
      }
      List<String> tail = Files.readAllLines(log);
      throw new AssertionError(
          "the driver has ended; the end of its log:\n"
              + String.join("\n", tail.subList(Math.max(0, tail.size() - 60), tail.size())));
    }

    /** The executors' processes, if they are children of the driver. */
    List<ProcessHandle> executors() {
      try (Stream<ProcessHandle> all = process.descendants()) {
        return all.filter(
                child ->
                    child.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
            .toList();
      }
    }

    @Override
    public void close() throws Exception {
      List<ProcessHandle> executors = executors();
      commands.close();
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      executors.forEach(ProcessHandle::destroyForcibly);
    }
  }
}
