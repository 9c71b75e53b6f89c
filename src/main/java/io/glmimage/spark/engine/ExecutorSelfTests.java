package io.glmimage.spark.engine;

import io.glmimage.error.DeviceException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.tensor.DeviceName;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.api.java.JavaSparkContext;

/** Runs {@link SelfTest} in the driver, or once for each device of every executor. */
public final class ExecutorSelfTests {
  /** By run and device. Tasks of the same device wait for the first, which tests it. */
  private static final Map<String, List<SelfTest.Finding>> TESTED = new ConcurrentHashMap<>();

  private ExecutorSelfTests() {}

  /**
   * Tests this process, as a task in local mode would.
   *
   * @param output see {@link SelfTest}
   */
  public static List<SelfTest.Finding> ofDriver(DeviceName device, String output, Storage storage) {
    return SelfTest.run("driver", TaskDevice.of(device), output, storage);
  }

  /**
   * Tests all executors. An executor on which Spark starts no task is reported as failed.
   *
   * @param run an id; other runs test again
   * @param output see {@link SelfTest}
   */
  public static List<SelfTest.Finding> ofExecutors(
      JavaSparkContext spark, String run, DeviceName device, String output, HadoopSettings hadoop) {
    // A task ends when its device is tested, so each executor gets tasks for all its cores.
    int slots = Math.max(1, spark.defaultParallelism());
    List<SelfTest.Finding> findings =
        spark
            .parallelize(Collections.nCopies(slots, 0), slots)
            .mapPartitions(ignored -> ofTask(run, device, output, hadoop).iterator())
            .collect()
            .stream()
            .distinct()
            .sorted(Comparator.comparing(SelfTest.Finding::where))
            .collect(Collectors.toCollection(ArrayList::new));
    String driver = SparkEnv.get().blockManager().blockManagerId().hostPort();
    for (SparkExecutorInfo executor : spark.sc().statusTracker().getExecutorInfos()) {
      String address = executor.host() + ":" + executor.port();
      boolean tested = findings.stream().anyMatch(finding -> finding.where().startsWith(address));
      if (!tested && !address.equals(driver)) {
        findings.add(
            new SelfTest.Finding(
                address, "task", false, "Spark started no task here; run the test again", 0));
      }
    }
    return findings;
  }

  private static List<SelfTest.Finding> ofTask(
      String run, DeviceName requested, String output, HadoopSettings hadoop) {
    String address = SparkEnv.get().blockManager().blockManagerId().hostPort();
    DeviceName device;
    try {
      device = TaskDevice.of(requested);
    } catch (DeviceException e) {
      return List.of(new SelfTest.Finding(address, "device", false, e.getMessage(), 0));
    }
    String where = address + " " + device;
    return TESTED.computeIfAbsent(
        run + " " + where, key -> SelfTest.run(where, device, output, hadoop.storage()));
  }
}
