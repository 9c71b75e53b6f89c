package io.glmimage.output;

import static io.glmimage.output.HtmlText.count;
import static io.glmimage.output.HtmlText.duration;
import static io.glmimage.output.HtmlText.number;
import static io.glmimage.output.HtmlText.percent;

import io.glmimage.digest.Sha256;
import io.glmimage.error.Redaction;
import io.glmimage.error.Wording;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The report of a run as one self-contained page: styles, charts and images are inside. Its only
 * script moves the handles of the samples; browsers run no other, by the page's policy. Texts from
 * rows, options and errors are redacted and escaped.
 */
public final class HtmlReport {
  /** Spans of time in the chart of the throughput. */
  private static final int MOST_SPANS = 60;

  private static final List<String> COLOURS =
      List.of("#7a8ba8", "#8a63d2", "#3b6fd4", "#2a9d8f", "#e0a030", "#b8bfca");

  private final RunReport report;
  private final RunFigures figures;
  private final Redaction redaction;
  private final StringBuilder html = new StringBuilder(1 << 16);

  private HtmlReport(RunReport report, RunFigures figures, Redaction redaction) {
    this.report = report;
    this.figures = figures;
    this.redaction = redaction;
  }

  /** The page as HTML. */
  public static String of(RunReport report, RunFigures figures, Redaction redaction) {
    return new HtmlReport(report, figures, redaction).page();
  }

  private String page() {
    add("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    add("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';");
    String script = resource("report.js");
    add(" style-src 'unsafe-inline'; img-src data:; script-src 'sha256-%s'\">", sha256(script));
    add("<title>Edited images: %s rows</title>", report.rows().total());
    add("<style>\n%s</style></head><body><main>\n", resource("report.css"));
    head();
    cards();
    add("<div class=\"two\">\n");
    throughput();
    secondsOfRows();
    add("</div>\n");
    stages();
    failures();
    judged();
    samples();
    options();
    add("<script>%s</script>", script);
    add("</main></body></html>\n");
    return html.toString();
  }

  private static String resource(String name) {
    try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + name + " from the class path", e);
    }
  }

  /** The digest by which browsers allow the script of the page, and no other. */
  private static String sha256(String script) {
    return Base64.getEncoder().encodeToString(Sha256.of(script.getBytes(StandardCharsets.UTF_8)));
  }

  private void head() {
    add(
        "<h1>Edited images</h1>"
            + "<div class=\"faint\">%s &middot; started %s &middot; %s</div>\n",
        text(report.setup().model())
            + (report.setup().demonstration()
                ? " (the demonstration model, which knows coloured shapes only)"
                : ""),
        text(report.times().started().truncatedTo(ChronoUnit.SECONDS).toString()),
        text(report.output().root()));
  }

  private void cards() {
    RowCounts rows = report.rows();
    Double waiting = report.edited().engineTime().waitShare();
    Double median = figures.quantiles().get("p50");
    add("<div class=\"cards\">");
    card(count(rows.total()), rows.total() == 1 ? "row" : "rows", "");
    card(count(rows.ok()), "succeeded", rows.ok() > 0 ? "good" : "");
    card(count(rows.failed()), "failed", rows.failed() > 0 ? "bad" : "");
    card(
        figures.quality().flags().isEmpty() ? "&ndash;" : count(rows.allFlagged()),
        rows.allFlagged() == 0
            ? "flagged"
            : "flagged: "
                + rows.flagged().entrySet().stream()
                    .map(flag -> count(flag.getValue()) + " " + text(flag.getKey()))
                    .collect(Collectors.joining(", ")),
        rows.allFlagged() > 0 ? "bad" : "");
    card(number(report.rowsPerSecond()), "rows per second", "");
    card(duration(report.times().seconds()), "in all", "");
    card(
        waiting == null ? "&ndash;" : percent(waiting),
        "of the engines' time spent waiting for files",
        "");
    if (report.cost() != null) {
      card(String.format(Locale.ROOT, "%.2f", report.cost().amount()), "cost", "");
      card(number(report.cost().gpuHours()), "GPU-hours", "");
    }
    card(median == null ? "&ndash;" : duration(median), "median time of a row", "");
    add("</div>\n");
  }

  private void card(String value, String name, String kind) {
    add("<div class=\"card\"><b class=\"%s\">%s</b><span>%s</span></div>", kind, value, name);
  }

  /**
   * The moments that are far enough from each other: where rows are slow, a rate over two seconds
   * is that of one row or of none.
   */
  static List<EditFigures.Moment> spread(List<EditFigures.Moment> history) {
    if (history.isEmpty()) {
      return history;
    }
    EditFigures.Moment end = history.get(history.size() - 1);
    double least = end.seconds() / MOST_SPANS;
    List<EditFigures.Moment> kept = new ArrayList<>(List.of(history.get(0)));
    for (EditFigures.Moment moment : history) {
      double before = kept.get(kept.size() - 1).seconds();
      if (moment.seconds() - before >= least && end.seconds() - moment.seconds() >= least) {
        kept.add(moment);
      }
    }
    kept.add(end);
    return kept;
  }

  private void throughput() {
    section("Throughput in rows per second");
    List<EditFigures.Moment> history = spread(report.edited().history());
    int spans = Math.max(0, history.size() - 1);
    double[] x = new double[2 * spans];
    double[] y = new double[2 * spans];
    double highest = 0;
    for (int i = 0; i < spans; i++) {
      EditFigures.Moment from = history.get(i);
      EditFigures.Moment to = history.get(i + 1);
      double seconds = to.seconds() - from.seconds();
      // The rows of a repeated task count twice until it ends.
      long rows = Math.max(0, to.done() - from.done());
      double rate = seconds > 0 ? rows / seconds : 0;
      highest = Math.max(highest, rate);
      x[2 * i] = from.seconds();
      x[2 * i + 1] = to.seconds();
      y[2 * i] = rate;
      y[2 * i + 1] = rate;
    }
    if (highest == 0) {
      nothing("The run was too short for a chart.");
      return;
    }
    double end = history.get(spans).seconds();
    for (int i = 0; i < x.length; i++) {
      x[i] /= end;
      y[i] /= highest;
    }
    SvgChart chart = new SvgChart();
    chart.area(x, y);
    chart.labels(number(highest), "0", duration(end));
    add("%s</section>\n", chart.html());
  }

  private void secondsOfRows() {
    section("Seconds per row");
    List<RunFigures.Bin> bins = figures.histogram();
    long highest = bins.stream().mapToLong(RunFigures.Bin::rows).max().orElse(0);
    if (highest == 0) {
      nothing("No row succeeded.");
      return;
    }
    SvgChart chart =
        histogram(
            bins,
            highest,
            bin ->
                duration(bin.from())
                    + " to "
                    + duration(bin.to())
                    + ": "
                    + Wording.count(bin.rows(), "row"));
    chart.labels(
        count(highest), duration(bins.get(0).from()), duration(bins.get(bins.size() - 1).to()));
    add("%s<div class=\"key faint\">", chart.html());
    figures
        .quantiles()
        .forEach((name, seconds) -> add("<span>%s %s</span>", text(name), duration(seconds)));
    add("</div></section>\n");
  }

  private void stages() {
    section("Time by stage");
    double all = figures.stageSeconds().values().stream().mapToDouble(Double::doubleValue).sum();
    if (all <= 0) {
      nothing("No row took any time.");
      return;
    }
    StringBuilder key = new StringBuilder();
    add("<div class=\"stage\">");
    int i = 0;
    for (Map.Entry<String, Double> stage : figures.stageSeconds().entrySet()) {
      String colour = COLOURS.get(i++ % COLOURS.size());
      double share = stage.getValue() / all;
      add("<div style=\"width:%.2f%%;background:%s\"></div>", 100 * share, colour);
      key.append(
          String.format(
              Locale.ROOT,
              "<span><i class=\"dot\" style=\"background:%s\"></i>%s %s"
                  + " <span class=\"faint\">%s</span></span>",
              colour,
              text(stage.getKey()),
              duration(stage.getValue()),
              percent(share)));
    }
    add("</div><div class=\"key\">%s</div></section>\n", key);
  }

  private void judged() {
    QualityReport quality = figures.quality();
    add("<div class=\"two\">\n");
    shares("Changed pixels of a row", "rows with a share of", quality.change());
    shares("Likeness to the source (SSIM)", "rows with an SSIM of", quality.likeness());
    add("</div>\n");
  }

  /** A histogram of a figure between 0 and 1. */
  private void shares(String title, String what, List<RunFigures.Bin> bins) {
    section(title);
    long highest = bins.stream().mapToLong(RunFigures.Bin::rows).max().orElse(0);
    if (highest == 0) {
      nothing("No row has a source image and an edited image.");
      return;
    }
    SvgChart chart =
        histogram(
            bins,
            highest,
            bin ->
                String.format(
                    Locale.ROOT,
                    "%s %s %.2f to %.2f",
                    count(bin.rows()),
                    what,
                    bin.from(),
                    bin.to()));
    chart.labels(count(highest), "0", "1");
    add("%s</section>\n", chart.html());
  }

  /** A bar for each bin. */
  private static SvgChart histogram(
      List<RunFigures.Bin> bins, long highest, Function<RunFigures.Bin, String> title) {
    SvgChart chart = new SvgChart();
    for (int i = 0; i < bins.size(); i++) {
      RunFigures.Bin bin = bins.get(i);
      chart.bar(i, bins.size(), (double) bin.rows() / highest, title.apply(bin));
    }
    return chart;
  }

  private void failures() {
    section("Failures");
    if (report.rows().failed() == 0) {
      nothing("No row failed.");
      return;
    }
    add("<table><tr class=\"head\"><th>class</th><th class=\"n\">rows</th><th>examples</th></tr>");
    report.rows().failedByClass().forEach(this::failures);
    add("</table></section>\n");
  }

  private void failures(String errorClass, long rows) {
    add("<tr><td><code>%s</code></td><td class=\"n\">%s</td><td>", text(errorClass), count(rows));
    for (RunFigures.Failure failure : figures.failures().getOrDefault(errorClass, List.of())) {
      add(
          "<div><b>%s</b> <span class=\"faint\">%s</span></div>",
          text(failure.id()), text(failure.error()));
    }
    add("</td></tr>");
  }

  private void samples() {
    section("Samples");
    if (figures.samples().isEmpty()) {
      nothing("There is no edited image to show.");
      return;
    }
    add("%s</section>\n", SampleGallery.of(figures.samples(), this::text));
  }

  private void options() {
    add("<section><details><summary>Options and versions</summary><table>");
    report.setup().options().forEach(this::option);
    report.setup().versions().forEach(this::option);
    option("options fingerprint", report.setup().optionsFingerprint());
    add("</table></details></section>\n");
  }

  private void option(String name, String value) {
    add("<tr><th>%s</th><td><code>%s</code></td></tr>", text(name), text(value));
  }

  private void section(String title) {
    add("<section><h2>%s</h2>", title);
  }

  /** Ends a section that has nothing to show. */
  private void nothing(String why) {
    add("<div class=\"faint\">%s</div></section>\n", why);
  }

  /** Redacts and escapes a text; null gives an empty text. */
  private String text(String value) {
    return HtmlText.escaped(redaction.apply(value == null ? "" : value));
  }

  /** Adds HTML; without values, {@code format} is added as it is. */
  private void add(String format, Object... values) {
    html.append(values.length == 0 ? format : String.format(Locale.ROOT, format, values));
  }
}
