package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceNameTest {
  @Test
  void everyNameIsPrintedAsItIsWritten() {
    for (String name : List.of("auto", "cpu", "cuda", "cuda:0", "cuda:12")) {
      assertEquals(name, DeviceName.parse(name).toString());
    }
    assertEquals(DeviceName.cuda(12), DeviceName.parse("cuda:12"));
  }

  @Test
  void otherNamesAreRefused() {
    for (String name : List.of("", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:1000", "cpu:0")) {
      assertFalse(DeviceName.isValid(name), name);
      assertEquals(
          "Invalid device: " + name + ", expected auto, cpu, cuda or cuda:N",
          assertThrows(IllegalArgumentException.class, () -> DeviceName.parse(name)).getMessage());
    }
  }

  @Test
  void autoAndCudaLeaveTheDeviceOpen() {
    assertTrue(DeviceName.AUTO.isOpen());
    assertTrue(DeviceName.CUDA.isOpen());
    assertFalse(DeviceName.CPU.isOpen());
    assertFalse(DeviceName.cuda(0).isOpen());
  }
}
