package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * {@code gelu(x weightᵀ + bias)} as one product with an epilogue: libtorch's {@code
 * _addmm_activation}. On a GPU, cuBLASLt adds the bias and applies gelu (tanh approximation) to the
 * accumulators. The {@code [T, F]} result is written once and not read again. For GPUs only: on a
 * CPU that operation applies the exact gelu.
 */
final class GeluProduct implements LinearGelu {
  private final TorchScript product =
      new TorchScript(
          """
          def gelu_product(x: Tensor, weight: Tensor, bias: Tensor):
              return torch._addmm_activation(bias, x, weight.t(), beta=1, alpha=1, use_gelu=True)
          """);

  @Override
  public Tensor apply(Tensor x, Tensor weight, Tensor bias) {
    return product.apply(x, weight, bias);
  }
}
