package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Products of e4m3 operands on a GPU with bfloat16 results: libtorch's {@code _scaled_mm}. The
 * constructor tries whether this libtorch applies the scales of rows and columns and the bias in
 * the product. If not, products are computed without scales ({@code 448 * 448 * K} is far within
 * the range of bfloat16), and {@code scale_bias.cu} does the rest.
 *
 * <p>With {@code use_fast_accum}, sums stay in the matrix unit's own accumulators, as is usual for
 * inference. TorchScript identifies dtypes by number: 15 is bfloat16.
 */
final class Fp8Product {
  private static final Logger LOG = LoggerFactory.getLogger(Fp8Product.class);

  private static final String SCRIPT =
      """
      def fp8_product(x: Tensor, w: Tensor, x_scale: Tensor, w_scale: Tensor, bias: Optional[Tensor]):
          return torch._scaled_mm(x, w.t(), x_scale, w_scale.t(), bias=bias, out_dtype=15, use_fast_accum=True)
      """;

  private final TorchScript product = new TorchScript(SCRIPT);

  /** {@code [1, 1]}: the scale 1. */
  private final Tensor one;

  private final boolean scalesRows;

  Fp8Product(int device) {
    Compute compute = Compute.cuda(device);
    String problem = rowsProblem(compute);
    scalesRows = problem == null;
    one = torch.ones(new long[] {1, 1}, compute.options(ScalarType.Float));
    one.retainReference();
    if (scalesRows) {
      LOG.info("fp8: products apply the scales of rows and columns");
    } else {
      LOG.info(
          "fp8: scale_bias applies the scales of rows and columns after the product ({})", problem);
    }
  }

  /**
   * Whether {@link #scaled} works; otherwise {@link #unscaled} does, and scales remain to be
   * applied.
   */
  boolean scalesRows() {
    return scalesRows;
  }

  /**
   * {@code x weightᵀ + bias} with both scales.
   *
   * @param x {@code [T, K]}
   * @param weight {@code [N, K]}
   * @param bias {@code [N]} or null
   * @return {@code [T, N]}, of the caller's scope
   */
  Tensor scaled(Rows x, Rows weight, Tensor bias) {
    return product.apply(x.values(), weight.values(), x.scales(), weight.scales(), bias);
  }

  /** {@code x weightᵀ} of the e4m3 values without scales: {@code [T, N]}, of the caller's scope. */
  Tensor unscaled(Rows x, Rows weight) {
    return product.apply(x.values(), weight.values(), one, one, null);
  }

  /** Why a product cannot apply the scales of rows and columns; null if it can. */
  private String rowsProblem(Compute compute) {
    long side = 64;
    try (TensorScope scope = new TensorScope()) {
      Tensor ones = torch.ones(new long[] {side, side}, compute.options());
      Tensor halves =
          torch.full(new long[] {side, 1}, new Scalar(0.5), compute.options(ScalarType.Float));
      Rows rows = new Rows(ones.to(ScalarType.Float8_e4m3fn), halves);
      Tensor sums = scaled(rows, rows, ones.select(0, 0)).to(ScalarType.Float);
      double sum = sums.sum().item_double();
      // Every element is side * 0.5 * 0.5 + 1.
      double expected = side * side * (side * 0.25 + 1);
      return sum == expected ? null : "the test product sums to " + sum + " instead of " + expected;
    } catch (RuntimeException e) {
      return TorchScript.refusal(e);
    }
  }
}
