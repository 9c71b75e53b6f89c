package io.glmimage.output;

import io.glmimage.error.Redaction;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of a run for programs: {@code metrics.json}. All times are in seconds. */
public final class MetricsJson {
  private MetricsJson() {}

  public static String of(RunReport report, RunFigures figures, Redaction redaction) {
    RowCounts rows = report.rows();
    EditFigures.EngineTime engineTime = report.edited().engineTime();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("rows", rows.total());
    fields.put("ok", rows.ok());
    fields.put("failed", rows.failed());
    fields.put("failed_by_class", rows.failedByClass());
    fields.put("started", report.times().started().toString());
    fields.put("seconds", report.times().seconds());
    fields.put("edit_seconds", report.edited().seconds());
    fields.put("rows_per_second", report.rowsPerSecond());
    fields.put("gpu_hours", report.cost() == null ? null : report.cost().gpuHours());
    fields.put("cost", report.cost() == null ? null : report.cost().amount());
    fields.put("engine_busy_seconds", engineTime.busy());
    fields.put("engine_wait_seconds", engineTime.waiting());
    fields.put("engine_wait_share", engineTime.waitShare());
    fields.put("stage_seconds", figures.stageSeconds());
    fields.put("row_seconds", figures.quantiles());
    fields.put("row_seconds_histogram", bins(figures.histogram()));
    fields.put("quality", figures.quality().flags());
    fields.put("quality_figures", figures.quality().quantiles());
    fields.put("changed_fraction_histogram", bins(figures.quality().change()));
    fields.put("ssim_histogram", bins(figures.quality().likeness()));
    List<Map<String, Object>> progress = new ArrayList<>();
    for (EditFigures.Moment moment : report.edited().history()) {
      Map<String, Object> fieldsOfMoment = new LinkedHashMap<>();
      fieldsOfMoment.put("seconds", moment.seconds());
      fieldsOfMoment.put("done", moment.done());
      fieldsOfMoment.put("failed", moment.failed());
      progress.add(fieldsOfMoment);
    }
    fields.put("progress", progress);
    fields.put("preset", report.setup().options().get("preset"));
    fields.put("model", redaction.apply(report.setup().model()));
    fields.put("versions", report.setup().versions());
    return PrettyJson.of(fields);
  }

  private static List<Map<String, Object>> bins(List<RunFigures.Bin> histogram) {
    List<Map<String, Object>> bins = new ArrayList<>();
    for (RunFigures.Bin bin : histogram) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("from", bin.from());
      fields.put("to", bin.to());
      fields.put("rows", bin.rows());
      bins.add(fields);
    }
    return bins;
  }
}
