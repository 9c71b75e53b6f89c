package io.glmimage.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.json.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * All measured figures.
 *
 * @param gpu load of the GPU during the end-to-end measurement; null if it could not be sampled
 * @param gpuMemoryGigabytes GPU memory in use at the end; 0 without a GPU
 */
public record BenchReport(List<Figure> figures, GpuSampler.Means gpu, double gpuMemoryGigabytes) {
  /** The heading above the lines of {@link Figure#line}. */
  public static final String HEADING =
      String.format(Locale.ROOT, "%-44s %12s %12s %8s", "", "seconds", "floor", "of floor");

  /**
   * One figure.
   *
   * @param name of the part that was measured
   * @param seconds the median
   * @param floor the least time that the device needs, in seconds; NaN if unknown
   */
  public record Figure(String name, double seconds, double floor) {
    private boolean hasFloor() {
      return !Double.isNaN(floor);
    }

    /** The figure as a line of the printed table. */
    public String line() {
      return String.format(
          Locale.ROOT,
          "%-44s %12.4f %12s %8s",
          name,
          seconds,
          hasFloor() ? String.format(Locale.ROOT, "%.4f", floor) : "",
          hasFloor() ? String.format(Locale.ROOT, "%.0f %%", 100 * floor / seconds) : "");
    }
  }

  /** The lines below the table: memory, and the GPU's load. */
  public List<String> footer() {
    List<String> lines = new ArrayList<>();
    if (gpuMemoryGigabytes > 0) {
      lines.add(
          String.format(Locale.ROOT, "GPU memory in use at the end: %.1f GB", gpuMemoryGigabytes));
    }
    if (gpu != null) {
      lines.add(
          String.format(
              Locale.ROOT,
              "GPU during the edits, by nvidia-smi: busy %.0f %% of the time, %.0f MHz, %.0f W"
                  + " (means of %d samples)",
              100 * gpu.busy(),
              gpu.megahertz(),
              gpu.watts(),
              gpu.count()));
    }
    return lines;
  }

  /** The report as indented JSON, with the settings it was measured with. */
  public byte[] json(String device, String precision, BenchSettings settings) throws IOException {
    ObjectNode root = Json.MAPPER.createObjectNode();
    root.put("device", device).put("precision", precision);
    root.put("height", settings.height())
        .put("width", settings.width())
        .put("steps", settings.steps());
    root.put("guidance", settings.guidance())
        .put("solver", settings.solver().label())
        .put("step_cache", settings.stepCache())
        .put("edits", settings.edits())
        .put("sources", settings.sources())
        .put("text_tokens", settings.textTokens());
    root.put("gpu_memory_gb", gpuMemoryGigabytes);
    if (gpu != null) {
      root.putObject("nvidia_smi_during_edits")
          .put("samples", gpu.count())
          .put("busy", gpu.busy())
          .put("sm_mhz", gpu.megahertz())
          .put("watts", gpu.watts());
    }
    ArrayNode list = root.putArray("figures");
    for (Figure figure : figures) {
      ObjectNode node =
          list.addObject().put("name", figure.name()).put("seconds", figure.seconds());
      if (figure.hasFloor()) {
        node.put("floor_seconds", figure.floor());
      }
    }
    return Json.INDENTED.writeValueAsBytes(root);
  }
}
