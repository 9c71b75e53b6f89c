package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/**
 * A linear layer, {@code x weightᵀ + bias}, whose product runs in the precision of its network. The
 * forward pass is the same for all precisions.
 *
 * <p>T rows, K inputs, N outputs.
 */
public final class Linear {
  private final Compute compute;
  private final KernelProvider kernels;
  private final Rows weight;
  private final Tensor bias;

  /** Null unless the weights, and they alone, are 8-bit integers. */
  private final Int8Weight integers;

  private Linear(
      Compute compute, KernelProvider kernels, Rows weight, Tensor bias, Int8Weight integers) {
    this.compute = compute;
    this.kernels = kernels;
    this.weight = weight;
    this.bias = bias;
    this.integers = integers;
  }

  /**
   * Makes a layer of its weights, quantized if the precision says so. The given tensors may be
   * freed with the caller's scope; the tensors that the layer keeps are passed to {@code owner}.
   *
   * @param weight {@code [N, K]} in the dtype of {@code compute}
   * @param bias {@code [N]} in the same dtype, or null
   * @param owner retains its arguments for as long as the layer is in use
   */
  public static Linear of(
      Compute compute, KernelProvider kernels, Tensor weight, Tensor bias, Consumer<Tensor> owner) {
    try (TensorScope scope = new TensorScope()) {
      if (compute.precision() == Precision.PRIOR_INT8) {
        Int8Weight integers = Int8Weight.quantize(weight);
        owner.accept(integers.values());
        owner.accept(integers.scales());
        if (bias != null) {
          owner.accept(bias);
        }
        return new Linear(compute, kernels, null, bias, integers);
      }
      Rows kept =
          compute.precision() == Precision.FP8
              ? kernels.quantizeRows().quantize(weight)
              : new Rows(weight);
      owner.accept(kept.values());
      if (kept.quantized()) {
        owner.accept(kept.scales());
      }
      if (bias != null) {
        owner.accept(bias);
      }
      return new Linear(compute, kernels, kept, bias, null);
    }
  }

  /** {@code [T, K] -> [T, N]}, of the caller's scope. */
  public Tensor apply(Tensor x) {
    if (integers != null) {
      return integers.product(x, bias);
    }
    return weight.quantized()
        ? apply(kernels.quantizeRows().quantize(x))
        : Ops.linear(x, weight.values(), bias);
  }

  /**
   * {@code [T, K] -> [T, N]}, of the caller's scope.
   *
   * @param x quantized if, and only if, the layer takes fp8
   */
  public Tensor apply(Rows x) {
    return takesFp8()
        ? kernels.fp8Linear().apply(x, weight, bias, compute.dtype())
        : apply(x.values());
  }

  /**
   * {@code gelu(x weightᵀ + bias)} with the tanh approximation, as input of the next layer: {@code
   * [T, K] -> [T, N]}, of the caller's scope.
   */
  public Rows gelu(Rows x) {
    if (integers != null) {
      throw new IllegalStateException("Cannot apply GELU: integer weights are for the prior only");
    }
    return weight.quantized()
        ? kernels.quantizeRows().gelu(apply(x))
        : new Rows(kernels.linearGelu().apply(x.values(), weight.values(), bias));
  }

  /**
   * {@code silu(gate) * up} of the layer's outputs (gates, then ups), as input of the next layer:
   * {@code [T, K] -> [T, N / 2]}. The result belongs to the caller's scope.
   */
  public Rows siluMul(Tensor x) {
    Tensor gateUp = apply(x);
    return takesFp8()
        ? kernels.quantizeRows().siluMul(gateUp)
        : new Rows(kernels.siluMul().siluMul(gateUp));
  }

  private boolean takesFp8() {
    return integers == null && weight.quantized();
  }
}
