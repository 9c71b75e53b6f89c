package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Redaction;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HtmlReportTest {
  private static final String EVIL = "<script>alert(1)</script>'\"&";

  private static RunReport report(EditFigures edited) {
    return new RunReport(
        new RowCounts(2, 0, 0, Map.of("MODEL_ERROR", 2L)),
        new RunTimes(Instant.EPOCH, 1, Map.of()),
        edited,
        new OutputLayout("s3a://KEY:hush-hush@b/" + EVIL),
        new RunSetup(
            EVIL, true, Map.of(EVIL, "fs.s3a.secret.key=hush-hush"), "f", Map.of("spark", EVIL)));
  }

  private static RunFigures figures() {
    return new RunFigures(
        Map.of("read", 0.0),
        Map.of(),
        List.of(),
        Map.of("MODEL_ERROR", List.of(new RunFigures.Failure(EVIL, null, EVIL.repeat(100)))),
        List.of(new RunFigures.Sample(EVIL, EVIL, EVIL, null, null, EVIL)));
  }

  private static String page(RunReport report, RunFigures figures) {
    return HtmlReport.of(report, figures, Redaction.ofPatterns());
  }

  @Test
  void escapesAndRedactsTextFromRowsAndOptions() {
    String page = page(report(EditFigures.NOTHING), figures());
    assertFalse(page.contains("<script"), page);
    assertFalse(page.contains("hush-hush"), page);
    assertTrue(page.contains("(the demonstration model, which knows coloured shapes only)"), page);
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
            List.of());
    String page = page(report(edited), figures);
    // 2 rows a second for 5 s, then 0.4: full height, then a fifth of it.
    assertTrue(page.contains("40.0,12.0 320.0,12.0 320.0,138.4 600.0,138.4"), page);
    assertTrue(page.contains("0.20 s to 0.40 s: 6 rows"), page);
    assertTrue(page.contains("<b class=\"\">25.0 %</b>"), page);
  }

  @Test
  void metricsCountFailedRows() {
    String metrics = MetricsJson.of(report(EditFigures.NOTHING), figures(), Redaction.ofPatterns());
    assertTrue(metrics.contains("\"failed\" : 2"), metrics);
    assertFalse(metrics.contains("hush-hush"), metrics);
  }
}
