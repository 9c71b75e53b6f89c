package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class TensorScopeTest {
  @Test
  void whatIsKeptOutlivesItsScopeAndTheRestDoesNot() {
    try (TensorScope outer = new TensorScope()) {
      Tensor kept;
      Tensor dropped;
      try (TensorScope inner = new TensorScope()) {
        dropped = Ops.of(new float[] {1}, 1);
        kept = inner.keep(Ops.of(new float[] {2, 3}, 2));
      }
      assertTrue(dropped.isNull());
      assertArrayEquals(new float[] {2, 3}, Ops.toFloats(kept));
    }
  }

  @Test
  void aScopeIsClosedOnFailureToo() {
    Tensor[] made = new Tensor[1];
    assertThrows(
        IllegalStateException.class,
        () -> {
          try (TensorScope scope = new TensorScope()) {
            made[0] = Ops.of(new float[] {1}, 1);
            throw new IllegalStateException("on purpose");
          }
        });
    assertTrue(made[0].isNull());
  }

  @Test
  void nativeMemoryStaysFlatInALoop() throws IOException {
    Path status = Path.of("/proc/self/statm");
    Assumptions.assumeTrue(Files.exists(status), "resident memory is read from /proc");
    long before = 0;
    // One array for all rounds, because growth of the Java heap counts as resident too.
    float[] values = new float[1 << 20];
    for (int i = 0; i < 300; i++) {
      try (TensorScope scope = new TensorScope()) {
        // 4 MB each, so a leak would be more than a gigabyte.
        Ops.of(values, 1 << 20).add(Ops.of(values, 1 << 20));
      }
      if (i == 100) {
        before = resident(status);
      }
    }
    assertTrue(
        resident(status) - before < 200L << 20,
        "grew by " + (resident(status) - before) + " bytes");
  }

  private static long resident(Path status) throws IOException {
    return Long.parseLong(Files.readString(status).split(" ")[1]) * 4096;
  }

  @Test
  void shapesAndValuesMustFit() {
    try (TensorScope scope = new TensorScope()) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Ops.of(new float[] {1, 2, 3}, 2, 2));
      assertTrue(e.getMessage().contains("[2, 2]") && e.getMessage().contains("3"), e.getMessage());
    }
  }
}
