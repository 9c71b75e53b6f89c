package io.glmimage.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Settings that make each of two Spark workers report a GPU with its own address. */
public final class FakeGpus {
  /** The addresses of the workers' GPUs. CUDA would use numbers. */
  public static final Set<String> ADDRESSES = Set.of("5", "7");

  private FakeGpus() {}

  /** The settings of a driver that starts its own workers, with executors of {@code heap}. */
  public static Map<String, String> settings(String heap, Path folder) throws IOException {
    Map<String, String> settings = executorSettings(heap);
    settings.putAll(workerSettings(folder));
    return settings;
  }

  /** The settings of a driver whose executors have one GPU each, used by one task at a time. */
  public static Map<String, String> executorSettings(String heap) {
    Map<String, String> settings = SparkProcess.settings(heap);
    settings.put("spark.executor.resource.gpu.amount", "1");
    settings.put("spark.task.resource.gpu.amount", "1");
    return settings;
  }

  /**
   * The settings of a worker.
   *
   * @param folder the same for all workers of a cluster; the first worker to start gets the first
   *     address
   */
  public static Map<String, String> workerSettings(Path folder) throws IOException {
    String script =
        """
          #!/bin/sh
          for address in %s; do
            if mkdir "%s/gpu-$address" 2>/dev/null; then
              echo "{\\"name\\": \\"gpu\\", \\"addresses\\": [\\"$address\\"]}"
              exit 0
            fi
          done
          exit 1
          """
            .formatted(String.join(" ", ADDRESSES), folder);
    return workerSettings(folder, script, 1);
  }

  /** The settings of a single worker, which has all GPUs. */
  public static Map<String, String> settingsOfOnlyWorker(Path folder) throws IOException {
    String script =
        """
        #!/bin/sh
        echo '{"name": "gpu", "addresses": ["%s"]}'
        """
            .formatted(String.join("\", \"", ADDRESSES));
    return workerSettings(folder, script, ADDRESSES.size());
  }

  private static Map<String, String> workerSettings(Path folder, String text, int gpus)
      throws IOException {
    Path script = folder.resolve("gpus.sh");
    if (Files.notExists(script)) {
      Files.writeString(script, text);
      if (!script.toFile().setExecutable(true)) {
        throw new IOException("cannot make " + script + " executable");
      }
    }
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.worker.resource.gpu.amount", "" + gpus);
    settings.put("spark.worker.resource.gpu.discoveryScript", script.toString());
    return settings;
  }
}
