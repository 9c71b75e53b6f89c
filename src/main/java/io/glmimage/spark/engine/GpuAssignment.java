package io.glmimage.spark.engine;

import io.glmimage.error.DeviceException;
import io.glmimage.tensor.CudaAdvice;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Libtorch;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the device of a task.
 *
 * <ul>
 *   <li>Spark assigned a GPU ({@code spark.task.resource.gpu.amount}): that GPU, or an error. The
 *       address is an index or a UUID as {@code nvidia-smi} prints it. If {@code
 *       CUDA_VISIBLE_DEVICES} is set, CUDA numbers the devices of that list, so the address is
 *       looked up in it.
 *   <li>Local mode, where Spark cannot assign GPUs: the visible CUDA devices, distributed by
 *       partition. Tasks on the same device share its engine and take turns.
 *   <li>Otherwise the CPU. The reason is logged once.
 * </ul>
 */
public final class GpuAssignment {
  /** The name of the resource in Spark's settings. */
  public static final String RESOURCE = "gpu";

  private static final Logger LOG = LoggerFactory.getLogger(GpuAssignment.class);
  private static final AtomicReference<String> LOGGED_REASON = new AtomicReference<>("");

  /**
   * The CUDA devices that libtorch can use in this process.
   *
   * @param devices the number of devices
   * @param problem the reason why CUDA could not be loaded, or null
   */
  public record Cuda(int devices, String problem) {
    static Cuda ofLibtorch() {
      return new Cuda(Libtorch.cudaDevices(), Libtorch.cudaProblem());
    }
  }

  private GpuAssignment() {}

  /**
   * The running task's device: the CPU or a numbered GPU.
   *
   * @throws DeviceException if Spark assigned a GPU that libtorch cannot use
   */
  public static DeviceName device() {
    TaskContext task = TaskContext.get();
    SparkEnv env = SparkEnv.get();
    boolean local = env == null || task == null || isLocal(env.conf());
    DeviceName device =
        device(
            ofTask(),
            local,
            task == null ? 0 : task.partitionId(),
            System.getenv("CUDA_VISIBLE_DEVICES"),
            Cuda.ofLibtorch());
    if (device.equals(DeviceName.CPU)) {
      logCpu(local);
    }
    return device;
  }

  /**
   * The devices that this executor's tasks will use. Callable outside a task.
   *
   * @param resources the resources that Spark assigned to the executor
   * @param local whether the executor is part of the driver
   * @throws DeviceException if Spark assigned a GPU that libtorch cannot use
   */
  static List<DeviceName> ofExecutor(Map<String, ResourceInformation> resources, boolean local) {
    return ofExecutor(resources, local, System.getenv("CUDA_VISIBLE_DEVICES"), Cuda.ofLibtorch());
  }

  /**
   * @param visible {@code CUDA_VISIBLE_DEVICES} or null
   */
  static List<DeviceName> ofExecutor(
      Map<String, ResourceInformation> resources, boolean local, String visible, Cuda cuda) {
    ResourceInformation gpus = resources.get(RESOURCE);
    List<DeviceName> devices = new ArrayList<>();
    if (gpus != null) {
      for (String address : gpus.addresses()) {
        devices.add(device(Optional.of(address), local, 0, visible, cuda));
      }
    } else if (local) {
      for (int i = 0; i < cuda.devices(); i++) {
        devices.add(DeviceName.cuda(i));
      }
    }
    return devices.isEmpty() ? List.of(DeviceName.CPU) : devices;
  }

  private static void logCpu(boolean local) {
    int idle = Libtorch.cudaDevices();
    String problem = Libtorch.cudaProblem();
    String why =
        local
            ? "libtorch sees no CUDA device" + (problem == null ? "" : ": " + withoutPath(problem))
            : "Spark assigned no GPU to the task (spark.task.resource.gpu.amount)";
    if (LOGGED_REASON.getAndSet(why).equals(why)) {
      return;
    }
    if (idle > 0) {
      LOG.warn(
          "Computing on the CPU, although libtorch sees {} CUDA device(s): {}; see"
              + " the profiles in conf/",
          idle,
          why);
    } else {
      LOG.info("Computing on the CPU: {}", why);
    }
  }

  /** Java names all folders where it has looked for a library. */
  private static String withoutPath(String problem) {
    int path = problem.indexOf(" in java.");
    return path < 0 ? problem : problem.substring(0, path);
  }

  /** Whether tasks run in the driver. Spark cannot assign GPUs to them. */
  public static boolean isLocal(SparkConf conf) {
    return conf.get("spark.master", "").matches("local(\\[.*)?");
  }

  /** The GPU address that Spark assigned to the running task. */
  public static Optional<String> ofTask() {
    TaskContext task = TaskContext.get();
    return task == null ? Optional.empty() : address(task.resourcesJMap());
  }

  private static Optional<String> address(Map<String, ResourceInformation> resources) {
    ResourceInformation gpu = resources.get(RESOURCE);
    return gpu == null || gpu.addresses().length == 0
        ? Optional.empty()
        : Optional.of(gpu.addresses()[0]);
  }

  /**
   * As {@link #device()}, for given circumstances.
   *
   * @param assigned the address that Spark assigned
   * @param local whether the task runs in the driver
   * @param partition of the task
   * @param visible {@code CUDA_VISIBLE_DEVICES} or null
   */
  public static DeviceName device(
      Optional<String> assigned, boolean local, int partition, String visible, Cuda cuda) {
    if (assigned.isEmpty()) {
      return local && cuda.devices() > 0
          ? DeviceName.cuda(partition % cuda.devices())
          : DeviceName.CPU;
    }
    String address = assigned.get();
    if (cuda.devices() == 0) {
      throw new DeviceException(
          "Cannot use GPU "
              + address
              + ", which Spark assigned: "
              + CudaAdvice.of(cuda.problem())
              + "; without spark.task.resource.gpu.amount the job uses the CPU");
    }
    int index = index(address, visible);
    if (index < 0 || index >= cuda.devices()) {
      throw new DeviceException(
          "Cannot use GPU "
              + address
              + ", which Spark assigned: libtorch sees "
              + cuda.devices()
              + " CUDA devices, CUDA_VISIBLE_DEVICES is "
              + (visible == null ? "not set" : "\"" + visible + "\"")
              + "; make the discovery script print what this process may see");
    }
    return DeviceName.cuda(index);
  }

  /** CUDA's index of the device in this process, or -1. */
  private static int index(String address, String visible) {
    if (visible != null && !visible.isBlank()) {
      List<String> listed = List.of(visible.replace(" ", "").split(",", -1));
      int exact = listed.indexOf(address);
      if (exact >= 0) {
        return exact;
      }
      for (int i = 0; i < listed.size(); i++) {
        // CUDA accepts a prefix of a UUID.
        if (listed.get(i).startsWith("GPU-") && address.startsWith(listed.get(i))) {
          return i;
        }
      }
      return -1;
    }
    return address.matches("[0-9]{1,4}") ? Integer.parseInt(address) : -1;
  }
}
