package io.glmimage.spark.engine;

import io.glmimage.error.UsageException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import java.io.Serializable;

/**
 * What edits the rows, and where.
 *
 * @param model a GLM-Image folder on any Hadoop file system, or null for the embedded tiny model
 * @param noop whether nothing is edited, to try the bookkeeping
 * @param device {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
 * @param precision {@code auto} or {@code fp8}: what large products compute in
 * @param kernels which implementations of the model's operations may run
 * @param weights how the model comes to the executors
 * @param cache where and how received models are kept
 */
public record EngineOptions(
    String model,
    String device,
    String precision,
    KernelMode kernels,
    WeightsMode weights,
    WeightsOptions cache,
    boolean noop)
    implements Serializable {
  public static final String DEFAULT_DEVICE = "auto";

  public static final String DEFAULT_PRECISION = "auto";

  public static final String DEVICES = "auto|cpu|cuda|cuda:[0-9]{1,3}";

  static final String FP8 = "fp8";

  /** What tables and reports call the model of the resources. */
  public static final String EMBEDDED_MODEL = "glm-image-tiny";

  public EngineOptions {
    if (!device.matches(DEVICES)) {
      throw new UsageException(
          "Invalid --device: " + device + ", expected auto, cpu, cuda or cuda:N");
    }
    checkPrecision(precision);
    if (kernels == KernelMode.FUSED && device.equals("cpu")) {
      throw new UsageException(
          "Invalid --kernels: fused needs a GPU, but --device is cpu; use auto or native");
    }
    if (model != null && model.isBlank()) {
      throw new UsageException("Invalid --model: it is empty");
    }
  }

  /** In the standard precision, with the standard way of weights to the executors. */
  public EngineOptions(String model, String device) {
    this(
        model,
        device,
        DEFAULT_PRECISION,
        KernelMode.AUTO,
        WeightsMode.standard(),
        WeightsOptions.defaults(),
        false);
  }

  /**
   * @throws UsageException for another name than {@code auto} and {@code fp8}
   */
  public static void checkPrecision(String precision) {
    if (!isPrecision(precision)) {
      throw new UsageException("Invalid --precision: " + precision + ", expected auto or fp8");
    }
  }

  public static boolean isPrecision(String name) {
    return name.equals(DEFAULT_PRECISION) || name.equals(FP8);
  }

  /** The model's name in tables and reports. */
  public String modelName() {
    return noop ? NoopEngineFactory.NAME : model == null ? EMBEDDED_MODEL : model;
  }
}
