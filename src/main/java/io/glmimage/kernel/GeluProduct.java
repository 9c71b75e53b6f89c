package io.glmimage.kernel;

import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * {@code gelu(x weightᵀ + bias)} as one product with an epilogue: libtorch's {@code
 * _addmm_activation}, which on a GPU lets cuBLASLt add the bias and apply gelu (its tanh
 * approximation) to the accumulators, so that the {@code [T, F]} result is written once and not
 * read again. On a CPU that operation applies the exact gelu: for GPUs only.
 *
 * <p>The Java binding leaves out operations that begin with an underscore; TorchScript has them.
 */
final class GeluProduct implements LinearGelu {
  private static final String SCRIPT =
      """
      def gelu_product(x: Tensor, weight: Tensor, bias: Tensor):
          return torch._addmm_activation(bias, x, weight.t(), beta=1, alpha=1, use_gelu=True)
      """;

  private final CompilationUnit unit;
  private final Function function;

  GeluProduct() {
    unit = torch.compile(SCRIPT);
    unit.retainReference();
    function = unit.get_functions().get(0);
  }

  @Override
  public Tensor apply(Tensor x, Tensor weight, Tensor bias) {
    try (IValueVector arguments =
            new IValueVector(new IValue(x), new IValue(weight), new IValue(bias));
        IValue result = function.apply(arguments)) {
      // That tensor lies inside the value: a handle of its own survives it.
      return new Tensor(result.toTensor());
    }
  }
}
