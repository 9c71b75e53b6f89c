package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import org.junit.jupiter.api.Test;

class DeviceFailureTest {
  @Test
  void theIdOfARowIsNotAFailureOfTheDevice() {
    RuntimeException request =
        new InvalidRequestException(
            "Cannot edit request CUDA error: out of memory: the prompt is too long");
    assertFalse(DeviceFailure.isOutOfMemory(request));
    assertFalse(DeviceFailure.isDeviceError(request));
    assertTrue(DeviceFailure.isOutOfMemory(new RuntimeException("CUDA out of memory. Tried")));
    assertTrue(DeviceFailure.isDeviceError(new RuntimeException("CUDA error: illegal address")));
  }
}
