package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.weights.WeightsMode;
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
      for (int i = 0; i < 600 && ExecutorEngines.loaded() == 0; i++) {
        Thread.sleep(100);
      }
      assertEquals(1, ExecutorEngines.loaded());
      EngineOptions options = new EngineOptions(TINY.toString(), "cpu");
      try (DistributedEngines mine = new ModelEngineFactory(options).distribute(spark)) {
        String what =
            ExecutorEngines.use(mine.engines(), "cpu", storage, engine -> engine.description());
        assertEquals("GLM-Image on cpu, float32", what);
      }
      // Closed by a job that borrowed it, it goes on for the next one.
      DistributedEngines next = new ModelEngineFactory(options).distribute(spark);
      assertEquals(1, ExecutorEngines.loaded());
      assertSame(
          ExecutorEngines.use(next.engines(), "cpu", storage, engine -> engine),
          ExecutorEngines.use(
              ModelEngineFactory.distribute(options, spark).engines(),
              "cpu",
              storage,
              engine -> engine));
    }
  }

  @Test
  void aModelThatDoesNotLoadIsReportedByTheFirstTask() throws Exception {
    Files.writeString(work.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    try (SparkSession spark = session(work);
        DistributedEngines engines =
            new ModelEngineFactory(new EngineOptions(work.toString(), "cpu")).distribute(spark)) {
      String message =
          assertThrows(
                  JobException.class,
                  () -> ExecutorEngines.use(engines.engines(), "cpu", storage, engine -> engine))
              .getMessage();
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
    assertEquals("fp8", options.precision());
    assertEquals(WeightsMode.Mode.DIRECT, options.weights().mode());
    assertEquals(7L << 30, options.cache().cacheBytes());
    assertEquals(8 << 20, options.cache().chunkBytes());
    assertEquals(WeightsCache.Check.FULL, options.cache().check());
    assertEquals(new EngineOptions(null, "auto"), GlmImagePlugin.options(new SparkConf(false)));
    assertThrows(
        UsageException.class, () -> GlmImagePlugin.options(conf.set(GlmImagePlugin.CHECK, "some")));
    conf.set(GlmImagePlugin.CHECK, "quick");
    assertThrows(
        UsageException.class, () -> GlmImagePlugin.options(conf.set(GlmImagePlugin.CHUNK_MB, "0")));
  }

  @Test
  void executorsInProcessesOfTheirOwnLoadItWhenTheyStart() throws Exception {
    assumeTrue(
        SparkProcess.home().isPresent(),
        "Skipped: no Spark installation; give one with -Dspark.home");
    Path log = work.resolve("driver.log");
    Map<String, String> settings = SparkProcess.settings("512m");
    settings.put("spark.executor.extraClassPath", SparkProcess.classesWithoutSpark());
    settings.put("spark.plugins", GlmImagePlugin.class.getName());
    settings.put(GlmImagePlugin.MODEL, TINY.toUri().toString());
    settings.put(GlmImagePlugin.CACHE, work.resolve("cache").toString());
    settings.put(GlmImagePlugin.CHUNK_MB, "2");
    Map<String, String> seen =
        SparkProcess.results(
            SparkProcess.java(
                work, log, "512m", settings, PluginDriver.class, "local-cluster[1,1,512]"),
            log);
    SparkProcess.removeWorkFolder(seen.get("app"));
    assertEquals("1", seen.get("loaded"));
    assertEquals("1", seen.get("complete"));
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
