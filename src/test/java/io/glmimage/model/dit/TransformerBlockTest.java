package io.glmimage.model.dit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TransformerBlockTest {
  @Test
  void theFactorBringsValuesOfNormedInputsToAboutEight() {
    try (TensorScope scope = new TensorScope()) {
      for (double size : new double[] {1e-3, 0.02, 0.5, 3}) {
        Tensor weight = normals(1, 64, 48).mul(new Scalar(size));
        Tensor bias = normals(2, 64).mul(new Scalar(size));
        double factor = TransformerBlock.valueFactor(weight, bias);
        double exponent = Math.log(factor) / Math.log(2);
        assertEquals(Math.rint(exponent), exponent, 1e-12, () -> "no power of two: " + factor);
        Tensor values = Ops.linear(normals(3, 200, 48), weight, bias);
        double typical = factor * Math.sqrt(values.square().mean().item_double());
        assertTrue(typical > 5 && typical < 12, () -> "values of " + typical);
      }
    }
  }

  @Test
  void weightsWithoutASizeHaveFactorOne() {
    try (TensorScope scope = new TensorScope()) {
      for (double x : new double[] {0, Double.NaN, Double.POSITIVE_INFINITY}) {
        Tensor weight = Ops.zeros(Compute.cpu().options(ScalarType.Float), 4, 4).add(new Scalar(x));
        assertEquals(1, TransformerBlock.valueFactor(weight, weight.select(0, 0)));
      }
    }
  }

  private static Tensor normals(int stream, long... shape) {
    int count = (int) java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Ops.of(new Philox(8, stream).normals(count), shape);
  }
}
