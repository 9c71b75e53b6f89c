package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class CudaFp8LinearTest {
  @Test
  void productsOfADecodingStepAreScaledAfterwardsExceptTheWideOne() {
    for (long rows : new long[] {1, 16, 64, 128}) {
      assertTrue(CudaFp8Linear.scalesAfterwards(rows, 4096));
      assertTrue(CudaFp8Linear.scalesAfterwards(rows, 4608));
      assertFalse(CudaFp8Linear.scalesAfterwards(rows, 27392));
    }
  }

  @Test
  void productsOfManyRowsAreScaledInTheProduct() {
    for (long rows : new long[] {129, 1330, 8256}) {
      assertFalse(CudaFp8Linear.scalesAfterwards(rows, 4096));
      assertFalse(CudaFp8Linear.scalesAfterwards(rows, 27392));
    }
  }
}
