package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.output.ShownResult;
import io.glmimage.spark.results.ResultsTable;
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
    description = {"Prints the result table of a run, in manifest order.", ""})
final class ShowCommand implements Callable<Integer> {
  static final int DEFAULT_ROWS = 50;
  static final int MAX_ROWS = 1000;
  private static final int ID_CHARS = 24;
  private static final int PROMPT_CHARS = 42;

  @Option(
      names = "--results",
      required = true,
      paramLabel = "DIR",
      description = "Output folder of a run, or its results folder.")
  private String results;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description =
          "Largest number of rows to print (1 to " + MAX_ROWS + "). Default: ${DEFAULT-VALUE}.")
  private int rows = DEFAULT_ROWS;

  @Option(
      names = "--flagged",
      description =
          "Print only rows whose edited image is flagged (quality other than OK). Default: off; all"
              + " rows.")
  private boolean flagged;

  @Option(
      names = "--json",
      description =
          "Print result rows with all their columns, one JSON object a line (JSON Lines). Default:"
              + " off; a table.")
  private boolean json;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ShowCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    checkRows(rows);
    try (Session spark = session.open(console, "show")) {
      spark.describe("Read the results");
      ResultsTable all = ResultsTable.open(spark.spark(), spark.storage(), results);
      ResultsTable table = flagged ? all.flagged() : all;
      if (json) {
        table.firstAsJson(rows).forEach(console.out()::println);
        console.out().flush();
      } else {
        print(table.first(rows), console.out());
      }
      return ExitCode.DONE;
    }
  }

  /**
   * @throws UsageException if {@code --rows} is out of range
   */
  static void checkRows(int rows) {
    if (rows < 1 || rows > MAX_ROWS) {
      throw new UsageException("Invalid --rows: " + rows + ", expected 1 to " + MAX_ROWS);
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
          row.ok() ? row.edited().width() + "x" + row.edited().height() : "",
          String.format(Locale.ROOT, "%.1f", row.seconds()),
          cut(row.prompt() == null ? "" : row.prompt(), PROMPT_CHARS),
          row.ok()
              ? row.edited().path() + flag(row)
              : row.failure().errorClass() + ": " + Wording.oneLine(row.failure().message()));
    }
    out.flush();
  }

  /** The flag of a flagged row, with the figures of its image. */
  private static String flag(ShownResult row) {
    if (!row.flagged()) {
      return "";
    }
    String likeness = row.likeness();
    return " (" + row.verdict().flag() + (likeness.isEmpty() ? "" : ": " + likeness) + ")";
  }

  private static String cut(String text, int chars) {
    String line = Wording.oneLine(text.replaceAll("\\s+", " "));
    return line.length() <= chars ? line : line.substring(0, chars - 3) + "...";
  }
}
