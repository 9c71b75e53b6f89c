package io.glmimage.spark.engine;

import io.glmimage.error.UsageException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterSpec;
import java.io.Serializable;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The model that edits the rows, and how it runs.
 *
 * @param model a GLM-Image folder on any Hadoop file system, or null or {@link #DEMO} for the
 *     embedded demonstration model, which is null afterwards
 * @param precision the arithmetic of the large linear layers
 * @param kernels the implementations that the model's operations may use
 * @param weights how the model reaches the executors
 * @param cache where and how received models are kept
 * @param noop whether nothing is edited, to measure the bookkeeping
 * @param adapters LoRA adapters that are merged into the weights, in this order
 * @param memoryCheck whether the memory for the weights is checked before they are loaded
 * @param gpuMemoryBytes of each GPU that a model may use; 0 for all that is free
 */
public record EngineOptions(
    String model,
    DeviceName device,
    Precision precision,
    KernelMode kernels,
    WeightsMode weights,
    WeightsOptions cache,
    boolean noop,
    List<AdapterSpec> adapters,
    boolean memoryCheck,
    long gpuMemoryBytes)
    implements Serializable {
  /** The name of the embedded model in tables and reports. */
  public static final String EMBEDDED_MODEL = "glm-image-tiny";

  /** The name of the embedded demonstration model in place of a folder. */
  public static final String DEMO = "demo";

  /** The message for users when the embedded model is used by default. */
  public static final String DEMO_NOTE =
      "the embedded demonstration model, which knows coloured shapes only";

  public EngineOptions {
    adapters = List.copyOf(adapters);
    if (DEMO.equals(model)) {
      model = null;
    }
    checkKernels("--kernels", kernels, "--device", device);
    checkModel("--model", model);
  }

  /**
   * Refuses fused kernels on a CPU.
   *
   * @param option its name, for the message
   * @param deviceOption the name of the device's option, for the message
   */
  static void checkKernels(
      String option, KernelMode kernels, String deviceOption, DeviceName device) {
    if (kernels == KernelMode.FUSED && device.equals(DeviceName.CPU)) {
      throw new UsageException(
          "Invalid "
              + option
              + ": fused needs a GPU, but "
              + deviceOption
              + " is cpu; use auto or native");
    }
  }

  /**
   * Refuses an empty folder of a model.
   *
   * @param option its name, for the message
   * @param model null for the embedded model
   */
  static void checkModel(String option, String model) {
    if (model != null && model.isBlank()) {
      throw new UsageException("Invalid " + option + ": it is empty");
    }
  }

  /**
   * Whether memory is checked, according to an option or a setting.
   *
   * @param option its name, for the message
   * @throws UsageException for a value other than on and off
   */
  public static boolean memoryCheck(String option, String value) {
    if (!value.equals("on") && !value.equals("off")) {
      throw new UsageException("Invalid " + option + ": " + value + ", expected on or off");
    }
    return value.equals("on");
  }

  /**
   * The bytes of an option or a setting in GB (10^9 bytes).
   *
   * @param option its name, for the message
   * @param gigabytes a number above 0; empty for no limit, which is 0
   * @throws UsageException for another text
   */
  public static long gpuMemory(String option, String gigabytes) {
    if (gigabytes.isEmpty()) {
      return 0;
    }
    try {
      return MemoryRule.parseBudget(option, gigabytes);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  /** Without adapters, and with the check of the memory. */
  public EngineOptions(
      String model,
      DeviceName device,
      Precision precision,
      KernelMode kernels,
      WeightsMode weights,
      WeightsOptions cache,
      boolean noop) {
    this(model, device, precision, kernels, weights, cache, noop, List.of(), true, 0);
  }

  /** A model with the defaults of everything but the device. */
  public EngineOptions(String model, DeviceName device) {
    this(
        model,
        device,
        Precision.AUTO,
        KernelMode.AUTO,
        WeightsMode.standard(),
        WeightsOptions.defaults(),
        false);
  }

  /**
   * The device of an option or a setting.
   *
   * @param option its name, for the message
   * @throws UsageException for a name that is not a device
   */
  public static DeviceName device(String option, String name) {
    if (!DeviceName.isValid(name)) {
      throw new UsageException(
          "Invalid " + option + ": " + name + ", expected " + DeviceName.NAMES);
    }
    return DeviceName.parse(name);
  }

  /**
   * The precision of an option or a setting.
   *
   * @param option its name, for the message
   * @throws UsageException for a name that is not a precision
   */
  public static Precision precision(String option, String name) {
    if (!Precision.isValid(name)) {
      throw new UsageException("Invalid " + option + ": " + name + ", expected " + Precision.NAMES);
    }
    return Precision.parse(name);
  }

  /** Whether images are edited by the embedded demonstration model. */
  public boolean demonstration() {
    return model == null && !noop;
  }

  /** The model's name with its adapters and their scales, in tables and reports. */
  public String nameWithAdapters() {
    return adapters.isEmpty()
        ? modelName()
        : modelName()
            + " with "
            + adapters.stream().map(AdapterSpec::toString).collect(Collectors.joining(" and "));
  }

  /** The model's name without its adapters: the folder as the user gave it. */
  public String modelName() {
    return noop ? NoopModel.NAME : model == null ? EMBEDDED_MODEL : model;
  }
}
