package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceException;
import io.glmimage.tensor.DeviceName;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("broadcast")
class GpuAssignmentTest {
  private static final GpuAssignment.Cuda FOUR = new GpuAssignment.Cuda(4, null);
  private static final GpuAssignment.Cuda NONE = new GpuAssignment.Cuda(0, null);

  @Test
  void takesTheAddressThatSparkAssigned() {
    assertEquals("cuda:3", device("3", null, FOUR));
  }

  @Test
  void countsInTheListOfVisibleDevices() {
    assertEquals("cuda:1", device("3", "2,3", FOUR));
    assertEquals("cuda:0", device("GPU-8f2b-11", "GPU-8f2b-11,GPU-77", FOUR));
    assertEquals("cuda:1", device("GPU-77aa-31", "GPU-8f2b, GPU-77aa", FOUR));
  }

  @Test
  void anAddressThatCudaDoesNotSeeIsAnError() {
    assertTrue(error("7", null, FOUR).contains("libtorch sees 4 CUDA devices"));
    assertTrue(error("0", "2,3", FOUR).contains("CUDA_VISIBLE_DEVICES is \"2,3\""));
    assertTrue(error("GPU-1", null, FOUR).contains("CUDA_VISIBLE_DEVICES is not set"));
  }

  @Test
  void aPromisedGpuWithoutCudaIsAnErrorThatSaysWhatToInstall() {
    assertTrue(error("0", null, NONE).contains("install NVIDIA's driver for CUDA 13"));
    assertEquals(
        "Cannot use GPU 0, which Spark assigned: libcudnn.so.9 is missing on this host; install"
            + " cuDNN 9 (libcudnn9-cuda-13), or add the library's folder to LD_LIBRARY_PATH; without"
            + " spark.task.resource.gpu.amount the job uses the CPU",
        error(
            "0",
            null,
            new GpuAssignment.Cuda(
                0, "libcudnn.so.9: cannot open shared object file: No such file or directory")));
  }

  @Test
  void anExecutorsGpusAreDevicesOfTheirOwnInItsNumbering() {
    assertEquals(
        List.of("cuda:2", "cuda:0", "cuda:3"), ofExecutor(false, null, FOUR, "2", "0", "3"));
    assertEquals(List.of("cuda:0", "cuda:1"), ofExecutor(false, "6,7", FOUR, "6", "7"));
    assertEquals(List.of("cpu"), ofExecutor(false, null, FOUR));
    assertEquals(List.of("cuda:0", "cuda:1", "cuda:2", "cuda:3"), ofExecutor(true, null, FOUR));
    assertEquals(List.of("cpu"), ofExecutor(true, null, NONE));
    assertThrows(DeviceException.class, () -> ofExecutor(false, null, FOUR, "0", "4"));
    // Each of an executor's tasks finds its own GPU among those that were loaded for it.
    for (String address : List.of("6", "7")) {
      assertTrue(
          ofExecutor(false, "6,7", FOUR, "6", "7").contains(device(address, "6,7", FOUR)), address);
    }
  }

  private static List<String> ofExecutor(
      boolean local, String visible, GpuAssignment.Cuda cuda, String... addresses) {
    Map<String, ResourceInformation> resources =
        addresses.length == 0 ? Map.of() : Map.of("gpu", new ResourceInformation("gpu", addresses));
    return GpuAssignment.ofExecutor(resources, local, visible, cuda).stream()
        .map(DeviceName::toString)
        .toList();
  }

  @Test
  void localModeDistributesTheVisibleDevices() {
    assertEquals(DeviceName.cuda(1), GpuAssignment.device(Optional.empty(), true, 5, null, FOUR));
    assertEquals(DeviceName.CPU, GpuAssignment.device(Optional.empty(), true, 5, null, NONE));
  }

  @Test
  void anExecutorWithoutAnAssignedGpuUsesTheCpu() {
    assertEquals(DeviceName.CPU, GpuAssignment.device(Optional.empty(), false, 0, null, FOUR));
  }

  @Test
  void aRequestForAGpuDoesNotGetTheCpu() {
    assertEquals(DeviceName.CUDA, TaskDevice.orRequested(DeviceName.CUDA, DeviceName.CPU));
    assertEquals(DeviceName.CPU, TaskDevice.orRequested(DeviceName.AUTO, DeviceName.CPU));
    assertEquals(DeviceName.cuda(2), TaskDevice.orRequested(DeviceName.CUDA, DeviceName.cuda(2)));
    assertEquals(DeviceName.cuda(5), TaskDevice.of(DeviceName.cuda(5)));
  }

  private static String device(String address, String visible, GpuAssignment.Cuda cuda) {
    return GpuAssignment.device(Optional.of(address), false, 0, visible, cuda).toString();
  }

  private static String error(String address, String visible, GpuAssignment.Cuda cuda) {
    return assertThrows(DeviceException.class, () -> device(address, visible, cuda)).getMessage();
  }
}
