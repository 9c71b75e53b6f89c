package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Redaction;
import io.glmimage.output.HtmlReport;
import io.glmimage.output.MetricsJson;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.RunFigures;
import io.glmimage.output.RunReport;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressHistoryTest {
  @Test
  void remembersAFewHundredMomentsHoweverLongTheJobRuns() {
    MomentList moments = new MomentList();
    for (int second = 1; second <= 100_000; second++) {
      moments.take(second, second * 2L, second / 10);
    }
    List<RunFigures.Moment> kept = moments.list();
    assertTrue(kept.size() <= MomentList.MOST, "" + kept.size());
    assertTrue(kept.size() > MomentList.MOST / 3, "" + kept.size());
    assertEquals(0, kept.get(0).seconds());
    assertTrue(kept.get(kept.size() - 1).seconds() > 98_000);
    for (int i = 1; i < kept.size(); i++) {
      assertTrue(kept.get(i).seconds() > kept.get(i - 1).seconds());
      assertEquals(Math.round(kept.get(i).seconds()) * 2, kept.get(i).done());
    }
  }

  @Test
  void thePageEscapesAndRedactsWhatRowsSay() {
    String evil = "<script>alert(1)</script>'\"&";
    RunReport report =
        new RunReport(
            2,
            0,
            0,
            Map.of("MODEL_ERROR", 2L),
            Instant.EPOCH,
            1,
            1,
            Map.of(),
            new OutputLayout("s3a://KEY:hush-hush@b/" + evil),
            evil,
            Map.of(evil, "fs.s3a.secret.key=hush-hush"),
            "f",
            Map.of(),
            Map.of("spark", evil));
    RunFigures figures =
        new RunFigures(
            Map.of("read", 0.0),
            Map.of(),
            List.of(),
            Map.of("MODEL_ERROR", List.of(new RunFigures.Failure(evil, null, evil.repeat(100)))),
            List.of(new RunFigures.Sample(evil, evil, evil, null, null, evil)),
            new ArrayList<>(),
            RunFigures.EngineTime.NONE);
    String page = HtmlReport.of(report, figures, Redaction.ofPatterns());
    assertTrue(!page.contains("<script") && !page.contains("hush-hush"), page);
    assertTrue(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&#39;&quot;&amp;"), page);
    assertTrue(page.contains("default-src 'none'"), page);
    assertTrue(!page.contains("http://") && !page.contains("https://"), page);
    assertTrue(MetricsJson.of(report, figures, Redaction.ofPatterns()).contains("\"failed\" : 2"));
  }
}
