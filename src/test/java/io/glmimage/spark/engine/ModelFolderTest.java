package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.UsageException;
import io.glmimage.io.LocalFolders;
import io.glmimage.io.Storage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.spark.weights.BroadcastDriver;
import io.glmimage.spark.weights.SchemeFileSystem;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFolderTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  @Test
  void theEmbeddedModelIsAFolderWithItsWeights() throws IOException {
    Path model = ModelFolder.local(null, storage);
    assertTrue(Files.exists(model.resolve("model_index.json")));
    assertTrue(Files.size(model.resolve("vision_language_encoder/model.safetensors")) > 1000);
  }

  @Test
  void aModelInsideAJarIsCopied() throws Exception {
    Path jar = folder.resolve("job.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file)) {
      for (String name : new String[] {"models/m/model_index.json", "models/m/vae/config.json"}) {
        out.putNextEntry(new JarEntry(name));
        out.write(name.length());
        out.closeEntry();
      }
    }
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
      Path copy = LocalFolders.ofResource(loader, "models/m", "model_index.json");
      assertEquals(24, Files.readAllBytes(copy.resolve("vae/config.json"))[0]);
      assertTrue(Files.exists(copy.resolve("model_index.json")));
    }
  }

  @Test
  void localModelsAreReadWhereTheyAre() throws IOException {
    assertEquals(folder, ModelFolder.local(folder.toString(), storage));
    assertEquals(folder, ModelFolder.local("file:" + folder, storage));
  }

  @Test
  void otherModelsAreReadIntoTheCacheOnce() throws IOException {
    Path model = SyntheticCheckpoint.write(folder.resolve("m"), 1000, 3);
    Configuration configuration = new Configuration();
    configuration.set("fs.elsewhere.impl", SchemeFileSystem.class.getName());
    Storage remote = new Storage(configuration);
    Path local = ModelFolder.local("elsewhere://" + model, remote);
    assertEquals(BroadcastDriver.sha(model), BroadcastDriver.sha(local));
    assertEquals(local, ModelFolder.local("elsewhere://" + model, remote));
  }

  @Test
  void refusesWhatIsNoModelFolder() {
    String missing =
        assertThrows(
                UsageException.class,
                () ->
                    new CheckpointModel(new EngineOptions(folder + "/none", DeviceName.CPU))
                        .check(storage))
            .getMessage();
    assertTrue(missing.contains("is not a folder"), missing);
    String empty =
        assertThrows(
                UsageException.class,
                () ->
                    new CheckpointModel(new EngineOptions(folder.toString(), DeviceName.CPU))
                        .check(storage))
            .getMessage();
    assertTrue(empty.endsWith(" has no model_index.json: it is empty"), empty);
    assertEquals(
        "Invalid --device: gpu, expected auto, cpu, cuda or cuda:N",
        assertThrows(UsageException.class, () -> EngineOptions.device("--device", "gpu"))
            .getMessage());
    assertEquals(
        "Invalid --precision: fp4, expected auto or fp8 or prior-int8",
        assertThrows(UsageException.class, () -> EngineOptions.precision("--precision", "fp4"))
            .getMessage());
  }

  @Test
  void theFingerprintDependsOnThePrecisionOnly() {
    String usual =
        new CheckpointModel(options(Precision.AUTO, KernelMode.AUTO)).fingerprint(storage);
    assertEquals(
        usual, new CheckpointModel(options(Precision.AUTO, KernelMode.FUSED)).fingerprint(storage));
    assertEquals(
        usual + " in fp8",
        new CheckpointModel(options(Precision.FP8, KernelMode.AUTO)).fingerprint(storage));
  }

  @Test
  void modelsInOtherPrecisionsOrWithOtherKernelsHaveTheirOwnEngines() {
    Object usual = shared(options(Precision.AUTO, KernelMode.AUTO));
    assertEquals(usual, shared(options(Precision.AUTO, KernelMode.AUTO)));
    assertNotEquals(usual, shared(options(Precision.FP8, KernelMode.AUTO)));
    assertNotEquals(usual, shared(options(Precision.AUTO, KernelMode.NATIVE)));
  }

  @Test
  void fusedKernelsAreRefusedOnTheCpu() {
    assertEquals(
        "Invalid --kernels: fused needs a GPU, but --device is cpu; use auto or native",
        assertThrows(
                UsageException.class,
                () ->
                    new EngineOptions(
                        null,
                        DeviceName.CPU,
                        Precision.AUTO,
                        KernelMode.FUSED,
                        WeightsMode.standard(),
                        WeightsOptions.defaults(),
                        false))
            .getMessage());
  }

  private static Object shared(EngineOptions options) {
    return new CheckpointOpener(options, null, List.of()).sharedModel();
  }

  private static EngineOptions options(Precision precision, KernelMode kernels) {
    return new EngineOptions(
        null,
        DeviceName.AUTO,
        precision,
        kernels,
        WeightsMode.standard(),
        WeightsOptions.defaults(),
        false);
  }
}
