package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.Redaction;
import io.glmimage.image.RgbImage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class HtmlReportTest {
  private static final String EVIL = "<script>alert(1)</script>'\"&";

  private static RunReport report(EditFigures edited) {
    return new RunReport(
        new RowCounts(2, 0, 0, Map.of("MODEL_ERROR", 2L), Map.of()),
        new RunTimes(Instant.ofEpochMilli(1234), 1, Map.of()),
        edited,
        new OutputLayout("s3a://KEY:hush-hush@b/" + EVIL),
        new RunSetup(
            EVIL,
            List.of(),
            true,
            Map.of(EVIL, "fs.s3a.secret.key=hush-hush"),
            "f",
            Map.of("spark", EVIL)),
        null);
  }

  private static RunFigures figures() {
    return new RunFigures(
        Map.of("read", 0.0),
        Map.of(),
        List.of(),
        Map.of("MODEL_ERROR", List.of(new RunFigures.Failure(EVIL, null, EVIL.repeat(100)))),
        QualityReport.NONE,
        List.of(
            new RunFigures.Sample(
                EVIL, EVIL, EVIL, null, null, EVIL, EVIL, Set.of(SampleGroup.SAMPLE))));
  }

  private static String page(RunReport report, RunFigures figures) {
    return HtmlReport.of(report, figures, Redaction.ofPatterns());
  }

  @Test
  void escapesAndRedactsTextFromRowsAndOptions() {
    String page = page(report(EditFigures.NOTHING), figures());
    assertEquals(page.indexOf("<script"), page.lastIndexOf("<script"), page);
    assertTrue(page.contains("<script>// Moves the handles"), page);
    assertFalse(page.contains("hush-hush"), page);
    assertTrue(page.contains("(the demonstration model, which knows coloured shapes only)"), page);
    assertTrue(page.contains("started 1970-01-01T00:00:01Z"), page);
    assertTrue(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&#39;&quot;&amp;"), page);
  }

  @Test
  void loadsNothingFromOutside() {
    String page = page(report(EditFigures.NOTHING), figures());
    assertTrue(page.contains("default-src 'none'"), page);
    assertFalse(page.contains("http://") || page.contains("https://"), page);
    assertTrue(page.contains("<style>\n/* Styles"), page);
  }

  @Test
  void saysThatAShortRunHasNoThroughput() {
    String page = page(report(EditFigures.NOTHING), figures());
    assertTrue(page.contains("The run was too short for a chart."), page);
    assertTrue(page.contains("No row succeeded."), page);
  }

  @Test
  void aRateIsThatOfAFairSpanOfTime() {
    List<EditFigures.Moment> history = new ArrayList<>();
    for (int i = 0; i <= 1000; i++) {
      history.add(new EditFigures.Moment(i, i / 7, 0));
    }
    history.add(new EditFigures.Moment(1000.2, 144, 0));
    List<EditFigures.Moment> spread = HtmlReport.spread(history);
    assertEquals(history.get(0), spread.get(0));
    assertEquals(history.get(1001), spread.get(spread.size() - 1));
    assertTrue(spread.size() > 50 && spread.size() <= 61, spread.size() + " moments");
    for (int i = 1; i < spread.size(); i++) {
      EditFigures.Moment before = spread.get(i - 1);
      double seconds = spread.get(i).seconds() - before.seconds();
      assertTrue(seconds >= 1000.2 / 60, seconds + " s");
      assertEquals(1 / 7.0, (spread.get(i).done() - before.done()) / seconds, 0.06);
    }
    assertEquals(List.of(), HtmlReport.spread(List.of()));
  }

  @Test
  void drawsThroughputAndTimes() {
    EditFigures edited =
        new EditFigures(
            10,
            List.of(
                new EditFigures.Moment(0, 0, 0),
                new EditFigures.Moment(5, 10, 1),
                new EditFigures.Moment(10, 12, 1)),
            new EditFigures.EngineTime(3, 1),
            Map.of(),
            Map.of());
    RunFigures figures =
        new RunFigures(
            Map.of("denoise", 1.0),
            Map.of("p50", 0.25),
            List.of(new RunFigures.Bin(0.1, 0.2, 3), new RunFigures.Bin(0.2, 0.4, 6)),
            Map.of(),
            QualityReport.NONE,
            List.of());
    String page = page(report(edited), figures);
    // 2 rows a second for 5 s, then 0.4: full height, then a fifth of it.
    assertTrue(page.contains("20.0,28.0 300.0,28.0 300.0,141.6 580.0,141.6"), page);
    assertTrue(page.contains("0.20 s to 0.40 s: 6 rows"), page);
    assertTrue(page.contains("<b class=\"\">25.0 %</b>"), page);
  }

  private static RunFigures.Sample sample(String id, String flag, SampleGroup... groups) {
    RgbImage image = new RgbImage(20, 30, new byte[20 * 30 * 3]);
    return new RunFigures.Sample(
        id, "prompt " + id, "detail", image, image, null, flag, new TreeSet<>(Set.of(groups)));
  }

  private static RunFigures judged() {
    return new RunFigures(
        Map.of(),
        Map.of(),
        List.of(),
        Map.of(),
        new QualityReport(
            Map.of("OK", 5L, "UNCHANGED", 1L),
            List.of(new RunFigures.Bin(0, 0.05, 1), new RunFigures.Bin(0.05, 0.1, 5)),
            List.of(new RunFigures.Bin(0.9, 0.95, 6)),
            Map.of("ssim", Map.of("p50", 0.92))),
        List.of(
            sample("a", "OK", SampleGroup.SAMPLE, SampleGroup.MOST_CHANGED),
            sample("b", "UNCHANGED", SampleGroup.LEAST_CHANGED, SampleGroup.UNCHANGED)));
  }

  private static RunReport judgedReport() {
    RunReport report = report(EditFigures.NOTHING);
    return new RunReport(
        new RowCounts(6, 6, 0, Map.of(), Map.of("UNCHANGED", 1L)),
        report.times(),
        report.edited(),
        report.output(),
        report.setup(),
        new RunCost(4.5, 2.5));
  }

  @Test
  void showsFlagsHistogramsAndSamplesByGroup() {
    String page = page(judgedReport(), judged());
    assertTrue(page.contains("<b class=\"bad\">1</b><span>flagged: 1 UNCHANGED</span>"), page);
    assertTrue(page.contains("<b class=\"\">11.25</b><span>cost</span>"), page);
    assertTrue(page.contains("5 rows with a share of 0.05 to 0.10"), page);
    assertTrue(page.contains("6 rows with an SSIM of 0.90 to 0.95"), page);
    assertTrue(page.contains("<div class=\"sample in-sample in-most-changed\">"), page);
    assertTrue(page.contains("<div class=\"sample in-least-changed in-unchanged\">"), page);
    assertTrue(page.contains("id=\"show-sample\" checked>"), page);
    assertTrue(page.contains("<label for=\"show-unchanged\">UNCHANGED <span"), page);
    assertFalse(page.contains("id=\"show-flat\""), "groups without rows have no button");
    assertTrue(page.contains("<b>b</b> detail <b class=\"bad\">UNCHANGED</b>"), page);
    for (SampleGroup group : SampleGroup.values()) {
      String rule = "#show-%s:checked ~ .grid > :not(.in-%s)".formatted(group.css(), group.css());
      assertTrue(page.contains(rule), rule);
    }
  }

  @Test
  void thePolicyAllowsTheScriptOfThePageOnly() throws Exception {
    String page = page(judgedReport(), judged());
    int start = page.indexOf("<script>") + "<script>".length();
    String script = page.substring(start, page.indexOf("</script>", start));
    String digest =
        Base64.getEncoder()
            .encodeToString(
                MessageDigest.getInstance("SHA-256")
                    .digest(script.getBytes(StandardCharsets.UTF_8)));
    assertTrue(page.contains("script-src 'sha256-" + digest + "'"), page);
  }

  @Test
  void metricsAndSummaryHaveFlagsAndDistributions() {
    String metrics = MetricsJson.of(judgedReport(), judged(), Redaction.ofPatterns());
    assertTrue(metrics.contains("\"UNCHANGED\" : 1"), metrics);
    assertTrue(metrics.contains("\"changed_fraction_histogram\" : [ {"), metrics);
    assertTrue(metrics.contains("\"p50\" : 0.92"), metrics);
    String summary = judgedReport().json(0, Redaction.ofPatterns());
    assertTrue(summary.contains("\"flagged\" : {\n    \"UNCHANGED\" : 1"), summary);
  }

  @Test
  void metricsCountFailedRows() {
    String metrics = MetricsJson.of(report(EditFigures.NOTHING), figures(), Redaction.ofPatterns());
    assertTrue(metrics.contains("\"failed\" : 2"), metrics);
    assertFalse(metrics.contains("hush-hush"), metrics);
  }
}
