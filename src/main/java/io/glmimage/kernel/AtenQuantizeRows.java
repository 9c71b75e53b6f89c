package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link QuantizeRows} from libtorch's operations. */
final class AtenQuantizeRows implements QuantizeRows {
  @Override
  public Rows quantize(Tensor x) {
    Tensor numbers = x.to(ScalarType.Float);
    if (Ops.isEmpty(x) || x.is_meta()) {
      // amax fails without values, and a tensor on device meta has none.
      return new Rows(
          numbers.to(ScalarType.Float8_e4m3fn), numbers.new_ones(new long[] {x.size(0), 1}));
    }
    Tensor largest = largest(numbers);
    return new Rows(e4m3(numbers, largest), scale(largest));
  }

  @Override
  public Rows gelu(Tensor x) {
    return quantize(torch.gelu(x.to(ScalarType.Float), "tanh"));
  }

  @Override
  public Rows siluMul(Tensor gateUp) {
    return quantize(new AtenSiluMul().siluMul(gateUp.to(ScalarType.Float)));
  }

  /** As {@link #quantize(Tensor)}, into existing rows. */
  static void quantize(Tensor x, Rows out) {
    if (Ops.isEmpty(x)) {
      return;
    }
    Tensor numbers = x.to(ScalarType.Float);
    Tensor largest = largest(numbers);
    out.values().copy_(e4m3(numbers, largest));
    out.scales().copy_(scale(largest));
  }

  private static Tensor largest(Tensor numbers) {
    return numbers
        .abs()
        .amax(new long[] {1}, /* keepdim= */ true)
        .clamp_min_(new Scalar(SMALLEST)); // [T, 1]
  }

  private static Tensor e4m3(Tensor numbers, Tensor largest) {
    return numbers
        .mul(torch.full_like(largest, new Scalar(LARGEST)).div_(largest))
        .to(ScalarType.Float8_e4m3fn);
  }

  private static Tensor scale(Tensor largest) {
    return largest.div(new Scalar(LARGEST));
  }
}
