package io.glmimage.spark.engine;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.predict.EngineObserver;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterSpec;
import io.glmimage.weights.WeightsCache;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationStart;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads the model on every executor when it starts, before the first task needs it. Set {@code
 * spark.plugins=io.glmimage.spark.engine.GlmImagePlugin}, and give {@code spark.glmimage.*} the
 * values of the job's options. A failure is logged; the first task loads the model again or reports
 * it.
 */
public final class GlmImagePlugin implements SparkPlugin {
  /** As {@code --model}; the embedded model if it is not set. */
  public static final String MODEL = "spark.glmimage.model";

  /** As {@code --device}. */
  public static final String DEVICE = "spark.glmimage.device";

  /** As {@code --lora}; several folders are separated by commas. */
  public static final String LORA = "spark.glmimage.lora";

  /** As {@code --memory-check}. */
  public static final String MEMORY_CHECK = "spark.glmimage.memoryCheck";

  /** As {@code --gpu-memory}. */
  public static final String GPU_MEMORY = "spark.glmimage.gpuMemory";

  /** As {@code --precision}. */
  public static final String PRECISION = "spark.glmimage.precision";

  /** As {@code --kernels}. */
  public static final String KERNELS = "spark.glmimage.kernels";

  /** As {@code --weights}. */
  public static final String WEIGHTS = "spark.glmimage.weights";

  /** As {@code --weights-cache}. */
  public static final String CACHE = "spark.glmimage.weights.cache";

  /** As {@code --weights-cache-gb}. */
  public static final String CACHE_GB = "spark.glmimage.weights.cacheGb";

  /** As {@code --weights-check}. */
  public static final String CHECK = "spark.glmimage.weights.check";

  /** As {@code --weights-chunk-mb}. */
  public static final String CHUNK_MB = "spark.glmimage.weights.chunkMb";

  private static final Logger LOG = LoggerFactory.getLogger(GlmImagePlugin.class);
  private static final Pattern WHOLE = Pattern.compile("\\d{1,18}");
  private static final long MAX_CACHE_GB = 1 << 20;
  private static final long MAX_CHUNK_MB = 1 << 10;

  @Override
  public DriverPlugin driverPlugin() {
    return new Driver();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new Preload();
  }

  /**
   * The options that the settings of a session give.
   *
   * @throws UsageException if a setting is wrong
   */
  public static EngineOptions options(SparkConf conf) {
    long cache = number(conf, CACHE_GB, WeightsOptions.CACHE_BYTES_DEFAULT >> 30, 0, MAX_CACHE_GB);
    long chunk = number(conf, CHUNK_MB, WeightsOptions.CHUNK_BYTES_DEFAULT >> 20, 1, MAX_CHUNK_MB);
    DeviceName device = EngineOptions.device(DEVICE, conf.get(DEVICE, DeviceName.AUTO.toString()));
    KernelMode kernels = kernels(conf.get(KERNELS, KernelMode.AUTO.toString()));
    EngineOptions.checkKernels(KERNELS, kernels, DEVICE, device);
    String model = conf.get(MODEL, null);
    EngineOptions.checkModel(MODEL, model);
    return new EngineOptions(
        model,
        device,
        EngineOptions.precision(PRECISION, conf.get(PRECISION, Precision.AUTO.toString())),
        kernels,
        weights(conf.get(WEIGHTS, WeightsMode.standard().toString())),
        WeightsOptions.defaults()
            .withCacheDir(conf.get(CACHE, ""))
            .withCacheBytes(cache << 30)
            .withCheck(check(conf.get(CHECK, "quick")))
            .withChunkBytes((int) chunk << 20),
        false,
        conf.get(LORA, "").isBlank()
            ? List.of()
            : AdapterSpec.parseAll(LORA, List.of(conf.get(LORA).split(",", -1))),
        EngineOptions.memoryCheck(MEMORY_CHECK, conf.get(MEMORY_CHECK, "on")),
        EngineOptions.gpuMemory(GPU_MEMORY, conf.get(GPU_MEMORY, "")));
  }

  private static KernelMode kernels(String text) {
    try {
      return KernelMode.parse(text);
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          "Invalid " + KERNELS + ": " + text + ", expected " + KernelMode.NAMES);
    }
  }

  private static WeightsMode weights(String text) {
    if (!WeightsMode.isValid(text)) {
      throw new UsageException(
          "Invalid " + WEIGHTS + ": " + text + ", expected " + WeightsMode.SYNTAX);
    }
    return WeightsMode.parse(text);
  }

  private static long number(SparkConf conf, String setting, long standard, long min, long max) {
    String text = conf.get(setting, String.valueOf(standard)).strip();
    // -1 is out of every range.
    long number = WHOLE.matcher(text).matches() ? Long.parseLong(text) : -1;
    if (number < min || number > max) {
      throw new UsageException(
          "Invalid " + setting + ": " + text + ", expected " + min + " to " + max);
    }
    return number;
  }

  private static WeightsCache.Check check(String text) {
    return switch (text) {
      case "quick" -> WeightsCache.Check.QUICK;
      case "full" -> WeightsCache.Check.FULL;
      default ->
          throw new UsageException("Invalid " + CHECK + ": " + text + ", expected quick or full");
    };
  }

  /** Answers every question of an executor with the serialised {@link EngineOpener}. */
  static final class Driver implements DriverPlugin {
    /** Hundreds of executors may start together. They do not wait for a listing each. */
    private static final Duration LIFETIME = Duration.ofSeconds(10);

    private SparkContext context;
    private ShortLived<byte[]> opener;
    private boolean ready;

    @Override
    public synchronized Map<String, String> init(SparkContext spark, PluginContext plugin) {
      context = spark;
      EngineOptions options = GlmImagePlugin.options(spark.conf());
      ModelDistributions models = ModelDistributions.of(spark);
      models.preload(options);
      opener =
          new ShortLived<>(
              () -> bytes(models.forSession(options).opener()), LIFETIME, System::nanoTime);
      // Executors may ask while the session is being built, which cannot broadcast yet.
      spark.addSparkListener(
          new SparkListener() {
            @Override
            public void onApplicationStart(SparkListenerApplicationStart start) {
              setReady();
            }
          });
      return Map.of();
    }

    synchronized void setReady() {
      ready = true;
    }

    /**
     * @return null if the session is not ready
     */
    @Override
    public synchronized Object receive(Object message) {
      return ready ? opener.get() : null;
    }

    @Override
    public synchronized void shutdown() {
      ModelDistributions.end(context);
    }
  }

  /** Works in a separate thread, so that the executor starts without delay. */
  private static final class Preload implements ExecutorPlugin {
    private static final long POLL_MILLIS = 200;
    private Thread thread;

    @Override
    public void init(PluginContext plugin, Map<String, String> unused) {
      thread = new Thread(() -> load(plugin), "glm-image-preload");
      thread.setDaemon(true);
      // The class loader of the thread that starts executors does not see a job's jar.
      thread.setContextClassLoader(GlmImagePlugin.class.getClassLoader());
      thread.start();
    }

    @Override
    public void shutdown() {
      thread.interrupt();
    }

    private static void load(PluginContext plugin) {
      try {
        Object answer = plugin.ask("opener");
        while (answer == null) {
          Thread.sleep(POLL_MILLIS);
          answer = plugin.ask("opener");
        }
        CheckpointOpener opener = opener((byte[]) answer);
        Storage storage = new Storage(new Configuration());
        for (DeviceName device : devices(opener.options().device(), plugin)) {
          ExecutorEngines.use(opener, device, storage, EngineObserver.NONE, engine -> engine);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (Exception e) {
        LOG.error(
            "Cannot load the model in advance; the first task loads it again if that may succeed, and"
                + " reports the failure otherwise",
            e);
      } catch (LinkageError e) {
        LOG.error("Cannot load libtorch in advance; the first task reports the failure", e);
      }
    }

    private static List<DeviceName> devices(DeviceName requested, PluginContext plugin) {
      if (!requested.isOpen()) {
        return List.of(requested);
      }
      return GpuAssignment.ofExecutor(plugin.resources(), GpuAssignment.isLocal(plugin.conf()))
          .stream()
          .map(given -> TaskDevice.orRequested(requested, given))
          .toList();
    }
  }

  private static byte[] bytes(EngineOpener opener) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(opener);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static CheckpointOpener opener(byte[] bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in = new OwnClasses(new ByteArrayInputStream(bytes))) {
      return (CheckpointOpener) in.readObject();
    }
  }

  /** Loads classes with the class loader of this class. */
  private static final class OwnClasses extends ObjectInputStream {
    OwnClasses(InputStream in) throws IOException {
      super(in);
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass description)
        throws IOException, ClassNotFoundException {
      try {
        return Class.forName(description.getName(), false, GlmImagePlugin.class.getClassLoader());
      } catch (ClassNotFoundException e) {
        return super.resolveClass(description);
      }
    }
  }
}
