package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.glmimage.io.Redaction;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of a run for programs: {@code metrics.json}. All times are in seconds. */
public final class MetricsJson {
  private MetricsJson() {}

  public static String of(RunReport report, RunFigures figures, Redaction redaction) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("rows", report.rows());
    fields.put("ok", report.ok());
    fields.put("failed", report.failed());
    fields.put("failed_by_class", report.failedByClass());
    fields.put("started", report.started().toString());
    fields.put("seconds", report.seconds());
    fields.put("edit_seconds", report.editSeconds());
    fields.put("rows_per_second", report.rowsPerSecond());
    fields.put("engine_busy_seconds", figures.engines().busy());
    fields.put("engine_wait_seconds", figures.engines().waiting());
    fields.put("engine_wait_share", figures.engines().waitShare());
    fields.put("stage_seconds", figures.stageSeconds());
    fields.put("row_seconds", figures.quantiles());
    List<Map<String, Object>> bins = new ArrayList<>();
    for (RunFigures.Bin bin : figures.histogram()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("from", bin.from());
      one.put("to", bin.to());
      one.put("rows", bin.rows());
      bins.add(one);
    }
    fields.put("row_seconds_histogram", bins);
    List<Map<String, Object>> history = new ArrayList<>();
    for (RunFigures.Moment moment : figures.history()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("seconds", moment.seconds());
      one.put("done", moment.done());
      one.put("failed", moment.failed());
      history.add(one);
    }
    fields.put("progress", history);
    fields.put("model", redaction.apply(report.model()));
    fields.put("versions", report.versions());
    try {
      return new ObjectMapper()
              .enable(SerializationFeature.INDENT_OUTPUT)
              .writeValueAsString(fields)
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A map of texts and numbers can be written as JSON", e);
    }
  }
}
