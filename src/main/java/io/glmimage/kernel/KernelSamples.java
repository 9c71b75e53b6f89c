package io.glmimage.kernel;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One small call of every operation, with arguments that every implementation supports. What the
 * calls ran on is then among the provider's {@link KernelProvider#selections}.
 */
final class KernelSamples {
  private static final double EPS = 1e-5;
  private static final int ROWS = 5;
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;
  private static final int WIDTH = HEADS * HEAD_DIM;

  private final KernelProvider kernels;
  private final Compute compute;

  private KernelSamples(KernelProvider kernels, Compute compute) {
    this.kernels = kernels;
    this.compute = compute;
  }

  /** Calls every operation but those in fp8. */
  static void run(KernelProvider kernels, Compute compute) {
    KernelSamples samples = new KernelSamples(kernels, compute);
    try (TensorScope scope = new TensorScope()) {
      samples.priorDecoder();
      samples.diffusionTransformer();
    }
  }

  /** Calls the operations in fp8. */
  static void runFp8(KernelProvider kernels, Compute compute) {
    KernelSamples samples = new KernelSamples(kernels, compute);
    try (TensorScope scope = new TensorScope()) {
      samples.fp8();
    }
  }

  private void priorDecoder() {
    Tensor x = random(ROWS, WIDTH);
    Tensor weight = random(WIDTH);
    kernels.rmsNormResidual().norm(x, weight, EPS);
    kernels.rmsNormResidual().addThenNorm(x, random(ROWS, WIDTH), weight, weight, EPS);
    kernels.siluMul().siluMul(random(ROWS, 2 * WIDTH));

    Tensor qkv = random(ROWS, 3 * WIDTH);
    Tensor keys = random(ROWS, 7, HEADS, HEAD_DIM);
    Tensor values = random(ROWS, 7, HEADS, HEAD_DIM);
    Tensor angles = torch.rand(new long[] {ROWS, HEAD_DIM / 2}, options(ScalarType.Float));
    Tensor cells = Ops.to(Ops.of(new int[] {0, 7, 14, 21, 28}, ROWS), compute, ScalarType.Long);
    kernels.rotaryCacheWrite().rotateAndWrite(qkv, HEADS, angles, angles, cells, keys, values);
    Tensor counts = Ops.to(Ops.of(new int[] {1, 2, 3, 4, 7}, ROWS), compute, ScalarType.Int);
    kernels.decodeAttention().attend(qkv, HEADS, keys, values, counts);

    Tensor uniforms = torch.rand(new long[] {ROWS}, options(ScalarType.Float));
    Tensor ids = Ops.zeros(options(ScalarType.Long), ROWS);
    SamplingSettings settings = new SamplingSettings(0.9, 50, 0.75);
    kernels.tokenSampling().sample(random(ROWS, 300), uniforms, settings, ids);
  }

  private void diffusionTransformer() {
    int image = ROWS - 1;
    Tensor angles = torch.rand(new long[] {image, HEAD_DIM / 2});
    try (PackedLayout layout = new PackedLayout(compute, new int[] {1}, angles, angles)) {
      Tensor x = random(ROWS, WIDTH);
      Tensor two = random(2, WIDTH);
      Tensor out = random(ROWS, WIDTH);
      kernels.adaLayerNorm().apply(x, two, two, layout, EPS, out);
      kernels
          .gatedResidualAdaLayerNorm()
          .apply(x, random(ROWS, WIDTH), two, two, two, layout, EPS, out);

      Tensor query = random(ROWS, HEADS, HEAD_DIM);
      Tensor key = random(ROWS, HEADS, HEAD_DIM);
      Tensor value = random(ROWS, HEADS, HEAD_DIM);
      kernels
          .qkNormRotary()
          .apply(
              random(ROWS, 3 * WIDTH), layout, EPS, query, List.of(new KeyValueRows(key, value)));
      kernels.sequenceAttention().apply(heads(query), heads(key), heads(value));
      kernels.linearGelu().apply(x, random(2 * WIDTH, WIDTH), random(2 * WIDTH));

      Tensor latents = torch.rand(new long[] {4, 4, 4}, options(ScalarType.Float));
      Tensor delta = torch.rand(new long[] {2}, options(ScalarType.Float));
      kernels.guidedEulerStep().apply(latents, random(ROWS, 16), layout, 2, delta);
    }
  }

  private void fp8() {
    Rows x = kernels.quantizeRows().quantize(random(ROWS, WIDTH));
    kernels.quantizeRows().gelu(random(ROWS, WIDTH));
    kernels.quantizeRows().siluMul(random(ROWS, 2 * WIDTH));
    Rows weight = kernels.quantizeRows().quantize(random(16, WIDTH));
    kernels.fp8Linear().apply(x, weight, null, compute.dtype());
  }

  private Tensor random(long... shape) {
    return torch.randn(shape, compute.options());
  }

  private TensorOptions options(ScalarType type) {
    return compute.options(type);
  }

  /** {@code [rows, H, d] -> [1, H, rows, d]}. */
  private static Tensor heads(Tensor rows) {
    return rows.unsqueeze(0).transpose(1, 2);
  }
}
