package io.glmimage.job;

import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.results.ShownResult;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints the result table. */
@Command(
    name = "show",
    description = {"Prints the result table of a run, in the manifest's order.", ""})
final class ShowCommand implements Callable<Integer> {
  static final int DEFAULT_ROWS = 50;
  private static final int ID_CHARS = 24;
  private static final int PROMPT_CHARS = 42;

  @Option(
      names = "--results",
      required = true,
      paramLabel = "DIR",
      description = "The --output folder of a run, or its results folder.")
  private String results;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Rows to print at most. Default: " + DEFAULT_ROWS + ".")
  private int rows = DEFAULT_ROWS;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ShowCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    Limits.rows(rows);
    try (Session spark = session.open(console)) {
      ResultsTable table = ResultsTable.open(spark.spark(), spark.storage(), results);
      print(table.first(rows), console.out());
      return ExitCode.DONE;
    }
  }

  static void print(List<ShownResult> results, PrintWriter out) {
    String format = "%-" + ID_CHARS + "s %-6s %9s %8s %-" + PROMPT_CHARS + "s %s%n";
    out.printf(Locale.ROOT, format, "id", "status", "size", "seconds", "prompt", "output / error");
    for (ShownResult row : results) {
      out.printf(
          Locale.ROOT,
          format,
          cut(row.id(), ID_CHARS),
          row.ok() ? "OK" : "FAILED",
          row.ok() ? row.width() + "x" + row.height() : "",
          String.format(Locale.ROOT, "%.2f", row.seconds()),
          cut(row.prompt() == null ? "" : row.prompt(), PROMPT_CHARS),
          row.ok() ? row.outputPath() : row.errorClass() + ": " + row.error());
    }
    out.flush();
  }

  private static String cut(String text, int chars) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() <= chars ? line : line.substring(0, chars - 3) + "...";
  }
}
