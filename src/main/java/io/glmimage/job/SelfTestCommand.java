package io.glmimage.job;

import io.glmimage.json.Json;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.ExecutorSelfTests;
import io.glmimage.spark.engine.SelfTest;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tests this machine, or every executor of a cluster. */
@Command(
    name = "self-test",
    description = {
      "Tests whether this machine, or every executor of a cluster, can edit. It loads the libraries, and compares each CUDA kernel with libtorch's operations and"
          + " an edit with that of the CPU. It writes and reads a file at the output's location.",
      "",
      "Takes less than a minute.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:All checks passed.",
      "1:A check failed, or an option is wrong.",
      "3:The test could not run."
    })
final class SelfTestCommand implements Callable<Integer> {
  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda|cuda:N",
      defaultValue = "auto",
      description = "Device to test, as for edit. Default: ${DEFAULT-VALUE}.")
  private String device;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder at which a file is written, read and deleted. Default: none; not tested.")
  private String output;

  @Option(
      names = "--all-executors",
      description =
          "Test each executor and each of its GPUs. Default: off; the driver's process only.")
  private boolean allExecutors;

  @Option(names = "--json", description = "Print JSON. Default: off; text.")
  private boolean json;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  SelfTestCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    DeviceName asked = EngineOptions.device("--device", device);
    try (Session spark = session.open(console, "self-test")) {
      spark.describe("Test the executors");
      List<SelfTest.Finding> findings =
          allExecutors
              ? ExecutorSelfTests.ofExecutors(
                  JavaSparkContext.fromSparkContext(spark.spark().sparkContext()),
                  UUID.randomUUID().toString(),
                  asked,
                  output,
                  spark.hadoop())
              : ExecutorSelfTests.ofDriver(asked, output, spark.storage());
      print(findings);
      return findings.stream().allMatch(SelfTest.Finding::ok) ? ExitCode.DONE : ExitCode.USAGE;
    }
  }

  private void print(List<SelfTest.Finding> findings) throws IOException {
    if (json) {
      console.out().println(redacted(Json.INDENTED.writeValueAsString(findings)));
      return;
    }
    for (SelfTest.Finding finding : findings) {
      console.out().println(redacted(line(finding)));
    }
  }

  /** One line for people. */
  static String line(SelfTest.Finding finding) {
    return String.format(
        Locale.ROOT,
        "%-6s %s: %s: %s (%.1f s)",
        finding.ok() ? "OK" : "FAILED",
        finding.where(),
        finding.check(),
        finding.detail(),
        finding.seconds());
  }

  private String redacted(String text) {
    return console.redaction().get().apply(text);
  }
}
