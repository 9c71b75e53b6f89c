package io.glmimage.spark;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * What edits the rows, and where.
 *
 * @param model a GLM-Image folder on any Hadoop file system, or null for the embedded tiny model
 * @param noop whether nothing is edited, to try the bookkeeping
 * @param device {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
 */
public record EngineOptions(String model, String device, boolean noop) implements Serializable {
  public static final String DEFAULT_DEVICE = "auto";

  /** What tables and reports call the model of the resources. */
  public static final String EMBEDDED_MODEL = "glm-image-tiny";

  public EngineOptions(String model, String device) {
    this(model, device, false);
  }

  public EngineOptions {
    if (!device.matches("auto|cpu|cuda|cuda:[0-9]{1,3}")) {
      throw new UsageException(
          "Invalid --device: " + device + ", expected auto, cpu, cuda or cuda:N");
    }
    if (model != null && model.isBlank()) {
      throw new UsageException("Invalid --model: it is empty");
    }
  }

  /** The model's name in tables and reports. */
  public String modelName() {
    return noop ? NoopEngineFactory.NAME : model == null ? EMBEDDED_MODEL : model;
  }
}
