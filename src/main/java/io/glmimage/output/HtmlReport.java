package io.glmimage.output;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.JpegEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Redaction;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A page about a run that needs nothing but itself: styles, charts (SVG) and pictures are inside,
 * scripts are not. Everything that comes from rows, options or errors is redacted and escaped.
 */
public final class HtmlReport {
  private static final int CHART_WIDTH = 560;
  private static final int CHART_HEIGHT = 170;
  private static final int LONGEST_TEXT = 600;
  private static final int THUMBNAIL_QUALITY = 82;

  /** A report must not fail for want of a system library. */
  private static final boolean JPEG_THUMBNAILS = JpegEncoder.available();

  private static final String STYLE =
      """
      :root{--ink:#1c2330;--faint:#68707f;--line:#dfe3ea;--card:#fff;--back:#f4f6f9;--bar:#3b6fd4;\
      --good:#1b8a4b;--bad:#c02b3c;--soft:#e8eefb}
      @media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--faint:#98a1b2;--line:#333b49;\
      --card:#1e242f;--back:#151a22;--bar:#6c9bf5;--good:#4cc27f;--bad:#f0707f;--soft:#26324a}}
      *{box-sizing:border-box}
      body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
      main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}
      h1{font-size:24px;margin:0}h2{font-size:16px;margin:0 0 12px}
      .faint{color:var(--faint)}.bad{color:var(--bad)}.good{color:var(--good)}
      .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;\
      margin:20px 0}
      .card,section{background:var(--card);border:1px solid var(--line);border-radius:10px;\
      padding:14px 16px}
      .card b{display:block;font-size:24px;font-weight:650}.card span{color:var(--faint)}
      .two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:16px}
      section{margin-bottom:16px;min-width:0;overflow-wrap:anywhere}
      svg{display:block;width:100%;height:auto}svg text{fill:var(--faint);font-size:11px}
      table{border-collapse:collapse;width:100%}
      td,th{text-align:left;vertical-align:top;padding:5px 10px 5px 0;\
      border-top:1px solid var(--line)}
      th{color:var(--faint);font-weight:500;white-space:nowrap;overflow-wrap:normal}
      td.n,th.n{text-align:right;white-space:nowrap}
      td:first-child code{white-space:nowrap}
      .stage{display:flex;height:22px;border-radius:6px;overflow:hidden;background:var(--soft)}
      .key{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:10px}
      .dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
      .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));\
      gap:14px}
      .sample{border:1px solid var(--line);border-radius:10px;padding:10px}
      .pair{display:grid;grid-template-columns:1fr 1fr;gap:8px}
      .pic{aspect-ratio:1;display:flex;align-items:center;justify-content:center;\
      background:var(--back);border-radius:6px;padding:4px;text-align:center;font-size:12px;\
      color:var(--faint)}
      .pic img{max-width:100%;max-height:100%;object-fit:contain;border-radius:3px}
      .sample p{margin:8px 0 2px;max-height:6.2em;overflow:auto}
      details summary{cursor:pointer;font-weight:600}
      code{font:13px ui-monospace,monospace}
      """;

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

  /** The page. */
  public static String of(RunReport report, RunFigures figures, Redaction redaction) {
    return new HtmlReport(report, figures, redaction).page();
  }

  private String page() {
    html.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        .append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
        .append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';")
        .append(" style-src 'unsafe-inline'; img-src data:\">")
        .append("<title>Edited images: ")
        .append(report.rows().total())
        .append(" rows</title><style>\n")
        .append(STYLE)
        .append("</style></head><body><main>\n");
    head();
    cards();
    html.append("<div class=\"two\">\n");
    throughput();
    latency();
    html.append("</div>\n");
    stages();
    failures();
    samples();
    options();
    return html.append("</main></body></html>\n").toString();
  }

  private void head() {
    html.append("<h1>Edited images</h1><div class=\"faint\">")
        .append(text(report.setup().model()))
        .append(" &middot; started ")
        .append(text(report.times().started().toString()))
        .append(" &middot; ")
        .append(text(report.output().root()))
        .append("</div>\n");
  }

  private void cards() {
    html.append("<div class=\"cards\">");
    card(count(report.rows().total()), "rows", "");
    card(count(report.rows().ok()), "done", report.rows().ok() > 0 ? "good" : "");
    card(count(report.rows().failed()), "failed", report.rows().failed() > 0 ? "bad" : "");
    card(number(report.rowsPerSecond()), "rows a second", "");
    card(duration(report.times().seconds()), "in all", "");
    Double waiting = report.edited().engineTime().waitShare();
    String share =
        waiting == null ? "&ndash;" : String.format(Locale.ROOT, "%.1f %%", 100 * waiting);
    card(share, "of its time the engine waited for files", "");
    Double median = figures.quantiles().get("p50");
    card(median == null ? "&ndash;" : duration(median), "median of a row", "");
    html.append("</div>\n");
  }

  private void card(String value, String name, String kind) {
    html.append("<div class=\"card\"><b class=\"")
        .append(kind)
        .append("\">")
        .append(value)
        .append("</b><span>")
        .append(name)
        .append("</span></div>");
  }

  private void throughput() {
    html.append("<section><h2>Throughput, rows a second</h2>");
    List<RunFigures.Moment> history = report.edited().history();
    double[] rates = new double[Math.max(0, history.size() - 1)];
    double highest = 0;
    for (int i = 0; i < rates.length; i++) {
      double seconds = history.get(i + 1).seconds() - history.get(i).seconds();
      // A repeated task's rows are counted again, and taken back when it ends.
      long rows = Math.max(0, history.get(i + 1).done() - history.get(i).done());
      rates[i] = seconds > 0 ? rows / seconds : 0;
      highest = Math.max(highest, rates[i]);
    }
    if (highest == 0) {
      nothing("The run was too short to tell.");
      return;
    }
    double end = history.get(history.size() - 1).seconds();
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < rates.length; i++) {
      double y = CHART_HEIGHT - rates[i] / highest * (CHART_HEIGHT - 12);
      points.append(step(history.get(i).seconds() / end, y));
      points.append(step(history.get(i + 1).seconds() / end, y));
    }
    chart();
    html.append("<polygon fill=\"var(--bar)\" fill-opacity=\".18\" points=\"40,")
        .append(CHART_HEIGHT)
        .append(' ')
        .append(points)
        .append(40 + CHART_WIDTH)
        .append(',')
        .append(CHART_HEIGHT)
        .append("\"/><polyline fill=\"none\" stroke=\"var(--bar)\" stroke-width=\"2\" points=\"")
        .append(points)
        .append("\"/>");
    label(36, 16, "end", number(highest));
    label(36, CHART_HEIGHT, "end", "0");
    label(40, CHART_HEIGHT + 16, "start", "0");
    label(40 + CHART_WIDTH, CHART_HEIGHT + 16, "end", duration(end));
    html.append("</svg></section>\n");
  }

  private static String step(double x, double y) {
    return String.format(Locale.ROOT, "%.1f,%.1f ", 40 + x * CHART_WIDTH, y);
  }

  private void latency() {
    html.append("<section><h2>Seconds a row took</h2>");
    List<RunFigures.Bin> bins = figures.histogram();
    long highest = bins.stream().mapToLong(RunFigures.Bin::rows).max().orElse(0);
    if (highest == 0) {
      nothing("No row is done.");
      return;
    }
    chart();
    double width = (double) CHART_WIDTH / bins.size();
    for (int i = 0; i < bins.size(); i++) {
      RunFigures.Bin bin = bins.get(i);
      double height = (double) bin.rows() / highest * (CHART_HEIGHT - 12);
      html.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\""
                  + " fill=\"var(--bar)\"><title>%s to %s: %d rows</title></rect>",
              40 + i * width + 1,
              CHART_HEIGHT - height,
              Math.max(1, width - 2),
              height,
              duration(bin.from()),
              duration(bin.to()),
              bin.rows()));
    }
    label(36, 16, "end", count(highest));
    label(36, CHART_HEIGHT, "end", "0");
    label(40, CHART_HEIGHT + 16, "start", duration(bins.get(0).from()));
    label(40 + CHART_WIDTH, CHART_HEIGHT + 16, "end", duration(bins.get(bins.size() - 1).to()));
    html.append("</svg><div class=\"key faint\">");
    figures
        .quantiles()
        .forEach(
            (name, seconds) ->
                html.append("<span>")
                    .append(text(name))
                    .append(' ')
                    .append(duration(seconds))
                    .append("</span>"));
    html.append("</div></section>\n");
  }

  private void stages() {
    html.append("<section><h2>Where the time went</h2>");
    double all = figures.stageSeconds().values().stream().mapToDouble(Double::doubleValue).sum();
    if (all <= 0) {
      nothing("No row took any time.");
      return;
    }
    StringBuilder key = new StringBuilder();
    html.append("<div class=\"stage\">");
    int i = 0;
    for (Map.Entry<String, Double> stage : figures.stageSeconds().entrySet()) {
      String colour = COLOURS.get(i++ % COLOURS.size());
      double share = stage.getValue() / all * 100;
      html.append(
          String.format(
              Locale.ROOT, "<div style=\"width:%.2f%%;background:%s\"></div>", share, colour));
      key.append("<span><i class=\"dot\" style=\"background:")
          .append(colour)
          .append("\"></i>")
          .append(text(stage.getKey()))
          .append(' ')
          .append(duration(stage.getValue()))
          .append(
              String.format(Locale.ROOT, " <span class=\"faint\">%.1f %%</span></span>", share));
    }
    html.append("</div><div class=\"key\">").append(key).append("</div></section>\n");
  }

  private void failures() {
    html.append("<section><h2>Failures</h2>");
    if (report.rows().failed() == 0) {
      nothing("No row failed.");
      return;
    }
    html.append("<table><tr><th>class</th><th class=\"n\">rows</th><th>examples</th></tr>");
    report
        .rows()
        .failedByClass()
        .forEach(
            (errorClass, rows) -> {
              html.append("<tr><td><code>")
                  .append(text(errorClass))
                  .append("</code></td><td class=\"n\">")
                  .append(count(rows))
                  .append("</td><td>");
              for (RunFigures.Failure failure :
                  figures.failures().getOrDefault(errorClass, List.of())) {
                html.append("<div><b>")
                    .append(text(failure.id()))
                    .append("</b> <span class=\"faint\">")
                    .append(text(failure.error()))
                    .append("</span></div>");
              }
              html.append("</td></tr>");
            });
    html.append("</table></section>\n");
  }

  private void samples() {
    html.append("<section><h2>Samples</h2>");
    if (figures.samples().isEmpty()) {
      nothing("There is no picture to show.");
      return;
    }
    html.append("<div class=\"grid\">");
    for (RunFigures.Sample sample : figures.samples()) {
      html.append("<div class=\"sample\"><div class=\"pair\">");
      picture(sample.source(), "source", sample.note());
      picture(sample.edit(), "edit", sample.note());
      html.append("</div><p>")
          .append(text(sample.prompt()))
          .append("</p><div class=\"faint\"><b>")
          .append(text(sample.id()))
          .append("</b> ")
          .append(text(sample.detail()))
          .append("</div></div>\n");
    }
    html.append("</div></section>\n");
  }

  private void picture(RgbImage image, String name, String note) {
    html.append("<div class=\"pic\">");
    if (image == null) {
      html.append(text(note == null ? "" : note));
    } else {
      html.append("<img alt=\"")
          .append(name)
          .append("\" src=\"data:image/")
          .append(JPEG_THUMBNAILS ? "jpeg" : "png")
          .append(";base64,")
          .append(Base64.getEncoder().encodeToString(thumbnail(image)))
          .append("\">");
    }
    html.append("</div>");
  }

  private static byte[] thumbnail(RgbImage image) {
    return JPEG_THUMBNAILS
        ? JpegEncoder.jpeg(image, THUMBNAIL_QUALITY, Map.of())
        : ImageEncoder.png(image, Map.of());
  }

  private void options() {
    html.append("<section><details><summary>Options and versions</summary><table>");
    report.setup().options().forEach(this::line);
    report.setup().versions().forEach(this::line);
    line("options fingerprint", report.setup().optionsFingerprint());
    html.append("</table></details></section>\n");
  }

  private void line(String name, String value) {
    html.append("<tr><th>")
        .append(text(name))
        .append("</th><td><code>")
        .append(text(value))
        .append("</code></td></tr>");
  }

  private void nothing(String why) {
    html.append("<div class=\"faint\">").append(why).append("</div></section>\n");
  }

  private void chart() {
    html.append("<svg viewBox=\"0 0 ")
        .append(CHART_WIDTH + 48)
        .append(' ')
        .append(CHART_HEIGHT + 22)
        .append("\" role=\"img\"><line x1=\"40\" x2=\"")
        .append(40 + CHART_WIDTH)
        .append("\" y1=\"")
        .append(CHART_HEIGHT)
        .append("\" y2=\"")
        .append(CHART_HEIGHT)
        .append("\" stroke=\"var(--line)\"/>");
  }

  private void label(int x, int y, String anchor, String value) {
    html.append("<text x=\"")
        .append(x)
        .append("\" y=\"")
        .append(y)
        .append("\" text-anchor=\"")
        .append(anchor)
        .append("\">")
        .append(value)
        .append("</text>");
  }

  private String text(String value) {
    return escaped(redaction.apply(value == null ? "" : value));
  }

  /** As HTML text, and as the value of an attribute in quotes; cut where it is very long. */
  static String escaped(String value) {
    String cut = value;
    if (value.length() > LONGEST_TEXT) {
      int end =
          Character.isHighSurrogate(value.charAt(LONGEST_TEXT - 1))
              ? LONGEST_TEXT - 1
              : LONGEST_TEXT;
      cut = value.substring(0, end) + " ...";
    }
    StringBuilder out = new StringBuilder(cut.length() + 16);
    for (int i = 0; i < cut.length(); i++) {
      char c = cut.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        default -> out.append(c < ' ' && c != '\n' && c != '\t' ? ' ' : c);
      }
    }
    return out.toString();
  }

  private static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number).replace(',', '\u202f');
  }

  private static String number(double value) {
    return value >= 100
        ? count(Math.round(value))
        : String.format(Locale.ROOT, value >= 10 ? "%.1f" : "%.2f", value);
  }

  /** Such as 340 ms, 2.5 s, 4 min 10 s, 3 h 5 min. */
  static String duration(double seconds) {
    if (seconds < 0.0995) {
      return String.format(Locale.ROOT, seconds < 0.001 ? "%.2g ms" : "%.0f ms", seconds * 1000);
    }
    if (seconds < 99.95) {
      return String.format(Locale.ROOT, seconds < 9.95 ? "%.2f s" : "%.1f s", seconds);
    }
    long s = Math.round(seconds);
    return s < 3600 ? s / 60 + " min " + s % 60 + " s" : s / 3600 + " h " + s / 60 % 60 + " min";
  }
}
