package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineObserver;
import io.glmimage.predict.EngineSettings;
import io.glmimage.predict.LoadedModels;
import io.glmimage.spark.FakeGpus;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.Until;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.WeightsCache;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("broadcast")
@Tag("spark")
class GlmImagePluginTest {
  private static final Path TINY =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();

  @TempDir private Path work;
  private final Storage storage = new Storage(new Configuration());

  @BeforeEach
  @AfterEach
  void noEngines() {
    ExecutorEngines.closeAll();
  }

  @Test
  void theModelIsLoadedBeforeAnyTaskAndTheJobSharesIt() throws Exception {
    try (SparkSession spark = session(TINY)) {
      Until.holds("the plug-in loads the model", () -> ExecutorEngines.loaded() > 0);
      assertEquals(1, ExecutorEngines.loaded());
      EngineOptions options = new EngineOptions(TINY.toString(), DeviceName.CPU);
      try (DistributedEngines mine = new CheckpointModel(options).distribute(spark)) {
        assertEquals("GLM-Image on cpu, float32", engine(mine.opener()).description());
      }
      // Closing a borrowed distribution leaves it open for the next job.
      DistributedEngines next = new CheckpointModel(options).distribute(spark);
      assertEquals(1, ExecutorEngines.loaded());
      assertSame(engine(next.opener()), engine(new CheckpointModel(options).forSession(spark)));
    }
  }

  @Test
  void aDjlModelOfTheSameFolderSharesTheEngineOfTheTasks() throws Exception {
    try (SparkSession spark = session(TINY)) {
      EngineOptions options = new EngineOptions(TINY.toString(), DeviceName.CPU);
      engine(new CheckpointModel(options).forSession(spark));
      assertEquals(1, ExecutorEngines.loaded());
      engine(new DjlModel(DjlModel.OWN_ENGINE, TINY.toString(), Precision.AUTO));
      // The additional copy is DJL's predictor, which shares the weights.
      assertEquals(2, ExecutorEngines.loaded());
      EngineSettings settings = EngineSettings.of(DeviceName.CPU);
      String version = CheckpointListing.read(new LocalFileSource(TINY)).version();
      EditEngine share =
          LoadedModels.ofProcess()
              .share(
                  new LoadedModels.Key(
                      LoadedModels.Checkpoint.of(version, settings), DeviceName.CPU),
                  progress -> {
                    throw new IllegalStateException("loaded a second time");
                  });
      share.close();
    }
  }

  @Test
  void executorsThatStartTogetherShareOneListingOfTheModel() throws Exception {
    try (SparkSession spark = session(TINY)) {
      GlmImagePlugin.Driver driver = new GlmImagePlugin.Driver();
      driver.init(spark.sparkContext(), null);
      assertNull(driver.receive("opener"));
      driver.setReady();
      assertSame(driver.receive("opener"), driver.receive("opener"));
    }
  }

  @Test
  void aModelThatDoesNotLoadIsReportedByTheFirstTask() throws Exception {
    Files.writeString(work.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    try (SparkSession spark = session(work);
        DistributedEngines engines =
            new CheckpointModel(new EngineOptions(work.toString(), DeviceName.CPU))
                .distribute(spark)) {
      String message =
          assertThrows(JobException.class, () -> engine(engines.opener())).getMessage();
      assertTrue(message.startsWith("Cannot load model"), message);
    }
  }

  @Test
  void settingsAreThoseOfTheOptions() {
    SparkConf conf =
        new SparkConf(false)
            .set(GlmImagePlugin.MODEL, "s3a://b/m")
            .set(GlmImagePlugin.WEIGHTS, "direct")
            .set(GlmImagePlugin.PRECISION, "fp8")
            .set(GlmImagePlugin.CACHE_GB, "7")
            .set(GlmImagePlugin.CHECK, "full")
            .set(GlmImagePlugin.CHUNK_MB, "8");
    EngineOptions options = GlmImagePlugin.options(conf);
    assertEquals("s3a://b/m", options.model());
    assertEquals(Precision.FP8, options.precision());
    assertEquals(WeightsMode.Mode.DIRECT, options.weights().mode());
    assertEquals(7L << 30, options.cache().cacheBytes());
    assertEquals(8 << 20, options.cache().chunkBytes());
    assertEquals(WeightsCache.Check.FULL, options.cache().check());
    assertEquals(
        new EngineOptions(null, DeviceName.AUTO), GlmImagePlugin.options(new SparkConf(false)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "weights; torrent; torrent, expected broadcast | local:PATH | direct",
        "weights.cacheGb; -1; -1, expected 0 to 1048576",
        "weights.cacheGb; 9000000000; 9000000000, expected 0 to 1048576",
        "weights.cacheGb; 7g; 7g, expected 0 to 1048576",
        "weights.chunkMb; 0; 0, expected 1 to 1024",
        "weights.chunkMb; many; many, expected 1 to 1024",
        "weights.check; some; some, expected quick or full",
        "model; ' '; it is empty",
        "kernels; slow; slow, expected auto, native or fused",
        "kernels; fused; 'fused needs a GPU, but spark.glmimage.device is cpu; use auto or native'",
      })
  void aWrongSettingIsNamed(String setting, String value, String why) {
    SparkConf conf =
        new SparkConf(false)
            .set(GlmImagePlugin.DEVICE, "cpu")
            .set("spark.glmimage." + setting, value);
    assertEquals(
        "Invalid spark.glmimage." + setting + ": " + why,
        assertThrows(UsageException.class, () -> GlmImagePlugin.options(conf)).getMessage());
  }

  @Test
  void anExecutorInAProcessOfItsOwnLoadsItWhenItStartsAndItsTasksShareItsGpusEvenly()
      throws Exception {
    assumeTrue(
        SparkProcess.home().isPresent(),
        "Skipped: no Spark installation; give one with -Dspark.home");
    Path log = work.resolve("driver.log");
    Map<String, String> settings = SparkProcess.settings("512m");
    settings.put("spark.executor.extraClassPath", SparkProcess.classesWithoutSpark());
    settings.put("spark.plugins", GlmImagePlugin.class.getName());
    settings.put(GlmImagePlugin.MODEL, TINY.toUri().toString());
    settings.put(GlmImagePlugin.DEVICE, "cpu");
    settings.putAll(FakeGpus.settingsOfOnlyWorker(work));
    settings.put("spark.executor.cores", "4");
    settings.put("spark.executor.resource.gpu.amount", "2");
    settings.put("spark.task.resource.gpu.amount", "0.5");
    settings.put(GlmImagePlugin.CACHE, work.resolve("cache").toString());
    settings.put(GlmImagePlugin.CHUNK_MB, "2");
    Map<String, String> seen =
        SparkProcess.results(
            SparkProcess.java(
                work, log, "512m", settings, PluginDriver.class, "local-cluster[1,4,512]"),
            log);
    SparkProcess.removeWorkFolder(seen.get("app"));
    assertEquals("1", seen.get("loaded"));
    assertEquals("1", seen.get("complete"));
    assertEquals("5,5,7,7", seen.get("gpus"));
  }

  private EditEngine engine(EngineOpener opener) {
    return ExecutorEngines.use(
        opener, DeviceName.CPU, storage, EngineObserver.NONE, engine -> engine);
  }

  private static SparkSession session(Path model) {
    return SparkSession.builder()
        .master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.plugins", GlmImagePlugin.class.getName())
        .config(GlmImagePlugin.MODEL, model.toString())
        .config(GlmImagePlugin.DEVICE, "cpu")
        .getOrCreate();
  }
}
