package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.error.WeightsException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.request.Preset;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.NoopModel;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.weights.AdapterSpec;
import io.glmimage.weights.WeightsCache;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options of the engine: model, device, precision, and how the weights reach the executors. */
final class EngineFlags {
  private static final long CACHE_GB_DEFAULT = WeightsOptions.CACHE_BYTES_DEFAULT >> 30;
  private static final int CHUNK_MB_DEFAULT = WeightsOptions.CHUNK_BYTES_DEFAULT >> 20;
  private static final long MAX_CACHE_GB = 1L << 20;
  private static final int MAX_CHUNK_MB = 1 << 10;

  /** The description of --precision, for every command that has it. */
  static final String PRECISION =
      "Precision of the large linear layers in the diffusion transformer and the prior"
          + " decoder: auto (bfloat16 on a GPU, float32 on a CPU), fp8 or prior-int8. fp8 is e4m3 with"
          + " one scale per token and output channel: faster, smaller, less exact. It needs a GPU"
          + " with compute capability 8.9. prior-int8 keeps the weights of the prior decoder as 8-bit"
          + " integers, on any GPU: smaller, less exact. Default: auto.";

  /** The description of --gpu-memory, for every command that has it. */
  static final String GPU_MEMORY =
      "Memory in GB (10^9 bytes) that the model may use on each GPU. If it cannot hold all weights,"
          + " prior and transformer take turns there; images stay the same. Default: what is free.";

  private static final String GLM_IMAGE = "glm-image";

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "Folder of a GLM-Image checkpoint in the Hugging Face layout, on any Hadoop file system. The value demo names the embedded demonstration model,"
              + " which knows coloured shapes only. Required on a cluster. Default: demo.")
  private String model;

  /** The description of --lora, for every command that has it. */
  static final String LORA =
      "Folder of a LoRA adapter in the form of PEFT or diffusers, on any Hadoop file system."
          + " It is merged into the model's weights with the factor SCALE (default 1; 0 changes"
          + " nothing). Repeat the option for several adapters. Default: none.";

  @Option(names = "--lora", paramLabel = AdapterSpec.SYNTAX, description = LORA)
  private List<String> lora = new ArrayList<>();

  @Option(
      names = "--memory-check",
      paramLabel = "CHECK",
      defaultValue = "on",
      description =
          "on refuses a model whose weights need more memory than is free, before it is loaded."
              + " off loads it in any case. Default: ${DEFAULT-VALUE}.")
  private String memoryCheck;

  @Option(names = "--gpu-memory", paramLabel = "GB", defaultValue = "", description = GPU_MEMORY)
  private String gpuMemory;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description =
          "auto (a GPU if there is one), cpu, cuda or cuda:N. With auto and cuda a task uses the GPU"
              + " that Spark assigns to it; in local mode tasks are spread over all GPUs. Default:"
              + " ${DEFAULT-VALUE}.")
  private String device;

  @Option(names = "--precision", paramLabel = "PRECISION", description = PRECISION)
  private String precision;

  @Option(
      names = "--kernels",
      paramLabel = "KERNELS",
      defaultValue = "auto",
      description =
          "Implementations of the model's operations. auto: fused CUDA kernels where they can"
              + " run, otherwise libtorch's operations; native: libtorch's operations only; fused: an"
              + " error where a CUDA kernel cannot run. The choices and their reasons are in"
              + " summary.json. Default: ${DEFAULT-VALUE}.")
  private KernelMode kernels;

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      defaultValue = GLM_IMAGE,
      hidden = true,
      description =
          "glm-image, or noop, which edits nothing, reads no source images and writes no edited"
              + " images: for measuring the bookkeeping. Default: ${DEFAULT-VALUE}.")
  private String engine;

  @Option(
      names = "--weights",
      paramLabel = "WAY",
      defaultValue = "broadcast",
      description =
          "How the model reaches the executors. broadcast: the driver reads it once and sends it;"
              + " direct: every node reads it; local:PATH: every node has it at that local path."
              + " Default: ${DEFAULT-VALUE}.")
  private String weights;

  @Option(
      names = "--weights-cache",
      paramLabel = "DIR",
      defaultValue = "",
      description =
          "Local folder on every node for received models. Default: glm-image-weights-USER on Spark's"
              + " first scratch disk.")
  private String cacheDir;

  @Option(
      names = "--weights-cache-gb",
      paramLabel = "N",
      description =
          "Size limit of the weights cache in GiB. Beyond it, unused models are removed, least"
              + " recently used first. Default: ${DEFAULT-VALUE}.")
  private long cacheGb = CACHE_GB_DEFAULT;

  @Option(
      names = "--weights-check",
      paramLabel = "CHECK",
      defaultValue = "quick",
      description =
          "Check of a cached model before it is used: quick (sizes and times of its files) or"
              + " full (all checksums, once per process). Default: ${DEFAULT-VALUE}.")
  private WeightsCache.Check check;

  @Option(
      names = "--weights-chunk-mb",
      paramLabel = "N",
      description =
          "Size of a broadcast chunk in MiB (1 to "
              + MAX_CHUNK_MB
              + "). Chunks in flight take an eighth of the heap, at most 128 MiB and 32 chunks, and at"
              + " least two chunks. Default: ${DEFAULT-VALUE}.")
  private int chunkMb = CHUNK_MB_DEFAULT;

  /** The precision: that of the preset if none is given. */
  String precision(Preset preset) {
    precision = precision == null ? preset.precision() : precision;
    return precision;
  }

  EngineOptions options(Preset preset) {
    if (!engine.equals(GLM_IMAGE) && !engine.equals(NoopModel.NAME)) {
      throw new UsageException("Invalid --engine: " + engine + ", expected glm-image or noop");
    }
    return new EngineOptions(
        model,
        EngineOptions.device("--device", device),
        EngineOptions.precision("--precision", precision(preset)),
        kernels,
        mode(),
        cache(),
        engine.equals(NoopModel.NAME),
        AdapterSpec.parseAll("--lora", lora),
        EngineOptions.memoryCheck("--memory-check", memoryCheck),
        EngineOptions.gpuMemory("--gpu-memory", gpuMemory));
  }

  private WeightsMode mode() {
    try {
      return WeightsMode.parse(weights);
    } catch (WeightsException e) {
      throw new UsageException(
          "Invalid --weights: " + weights + ", expected " + WeightsMode.SYNTAX);
    }
  }

  private WeightsOptions cache() {
    if (cacheGb < 0 || cacheGb > MAX_CACHE_GB) {
      throw new UsageException(
          "Invalid --weights-cache-gb: " + cacheGb + ", expected 0 to " + MAX_CACHE_GB);
    }
    if (chunkMb < 1 || chunkMb > MAX_CHUNK_MB) {
      throw new UsageException(
          "Invalid --weights-chunk-mb: " + chunkMb + ", expected 1 to " + MAX_CHUNK_MB);
    }
    return WeightsOptions.defaults()
        .withCacheDir(cacheDir)
        .withCheck(check)
        .withCacheBytes(cacheGb << 30)
        .withChunkBytes(chunkMb << 20);
  }
}
