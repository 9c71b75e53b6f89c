package io.glmimage.kernel;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One small call of every operation, with arguments that every implementation supports. What the
 * calls ran on is then among the provider's {@link KernelProvider#selections}. Equal seeds give
 * equal arguments, so the results of two providers can be compared.
 */
final class KernelSamples {
  private static final double EPS = 1e-5;
  private static final int ROWS = 5;
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;
  private static final int WIDTH = HEADS * HEAD_DIM;

  /** Queries and keys of attention in e4m3. */
  private static final int KEYS = 64;

  private final KernelProvider kernels;
  private final Compute compute;

  /** Copies of the results in float32 on the CPU, by operation; null if they are not wanted. */
  private final Map<KernelOperation, List<float[]>> results;

  private KernelSamples(
      KernelProvider kernels, Compute compute, Map<KernelOperation, List<float[]>> results) {
    this.kernels = kernels;
    this.compute = compute;
    this.results = results;
  }

  /** Calls every operation but those in fp8. */
  static void run(KernelProvider kernels, Compute compute) {
    run(kernels, compute, null);
  }

  /** As {@link #run(KernelProvider, Compute)}; the results of one seed. */
  static Map<KernelOperation, List<float[]>> results(
      KernelProvider kernels, Compute compute, long seed, boolean fp8) {
    Map<KernelOperation, List<float[]>> results = new EnumMap<>(KernelOperation.class);
    torch.manual_seed(seed);
    run(kernels, compute, results);
    if (fp8) {
      KernelSamples samples = new KernelSamples(kernels, compute, results);
      try (TensorScope scope = new TensorScope()) {
        samples.fp8();
      }
    }
    return results;
  }

  private void keep(KernelOperation operation, Tensor... tensors) {
    if (results != null) {
      for (Tensor tensor : tensors) {
        results
            .computeIfAbsent(operation, key -> new ArrayList<>())
            .add(Ops.toFloats(Ops.to(tensor, Compute.cpu(), ScalarType.Float)));
      }
    }
  }

  private static void run(
      KernelProvider kernels, Compute compute, Map<KernelOperation, List<float[]>> results) {
    KernelSamples samples = new KernelSamples(kernels, compute, results);
    try (TensorScope scope = new TensorScope()) {
      samples.priorDecoder();
      samples.diffusionTransformer();
      samples.imageAutoencoder();
    }
  }

  /** Calls the operations in fp8. */
  static void runFp8(KernelProvider kernels, Compute compute) {
    KernelSamples samples = new KernelSamples(kernels, compute, null);
    try (TensorScope scope = new TensorScope()) {
      samples.fp8();
    }
  }

  private void priorDecoder() {
    Tensor x = random(ROWS, WIDTH);
    Tensor weight = random(WIDTH);
    keep(KernelOperation.RMS_NORM, kernels.rmsNormResidual().norm(x, weight, EPS));
    Tensor sum = random(ROWS, WIDTH);
    keep(
        KernelOperation.RMS_NORM_RESIDUAL,
        kernels.rmsNormResidual().addThenNorm(x, sum, weight, weight, EPS));
    keep(KernelOperation.SILU_MUL, kernels.siluMul().siluMul(random(ROWS, 2 * WIDTH)));

    Tensor qkv = random(ROWS, 3 * WIDTH);
    Tensor keys = random(ROWS, 7, HEADS, HEAD_DIM);
    Tensor values = random(ROWS, 7, HEADS, HEAD_DIM);
    Tensor angles = torch.rand(new long[] {ROWS, HEAD_DIM / 2}, options(ScalarType.Float));
    Tensor cells = Ops.to(Ops.of(new int[] {0, 7, 14, 21, 28}, ROWS), compute, ScalarType.Long);
    kernels.rotaryCacheWrite().rotateAndWrite(qkv, HEADS, angles, angles, cells, keys, values);
    keep(KernelOperation.ROTARY_CACHE_WRITE, keys, values);
    Tensor counts = Ops.to(Ops.of(new int[] {1, 2, 3, 4, 7}, ROWS), compute, ScalarType.Int);
    keep(
        KernelOperation.DECODE_ATTENTION,
        kernels.decodeAttention().attend(qkv, HEADS, keys, values, counts));

    Tensor uniforms = torch.rand(new long[] {ROWS}, options(ScalarType.Float));
    Tensor ids = Ops.zeros(options(ScalarType.Long), ROWS);
    SamplingSettings settings = new SamplingSettings(0.9, 50, 0.75);
    kernels.tokenSampling().sample(random(ROWS, 300), uniforms, settings, ids);
    keep(KernelOperation.TOKEN_SAMPLING, ids);
  }

  private void diffusionTransformer() {
    int image = ROWS - 1;
    Tensor angles = torch.rand(new long[] {image, HEAD_DIM / 2});
    try (PackedLayout layout = new PackedLayout(compute, new int[] {1}, angles, angles)) {
      Tensor x = random(ROWS, WIDTH);
      Tensor two = random(2, WIDTH);
      Tensor out = random(ROWS, WIDTH);
      keep(
          KernelOperation.ADA_LAYER_NORM,
          kernels.adaLayerNorm().apply(x, two, two, layout, EPS, out));
      keep(
          KernelOperation.GATED_RESIDUAL_ADA_LAYER_NORM,
          kernels
              .gatedResidualAdaLayerNorm()
              .apply(x, random(ROWS, WIDTH), two, two, two, layout, EPS, out));

      Tensor query = random(ROWS, HEADS, HEAD_DIM);
      Tensor key = random(ROWS, HEADS, HEAD_DIM);
      Tensor value = random(ROWS, HEADS, HEAD_DIM);
      kernels
          .qkNormRotary()
          .apply(
              random(ROWS, 3 * WIDTH), layout, EPS, query, List.of(new KeyValueRows(key, value)));
      keep(KernelOperation.QK_NORM_ROTARY, query, key, value);
      keep(
          KernelOperation.SEQUENCE_ATTENTION,
          kernels.sequenceAttention().apply(heads(query), heads(key), heads(value)));
      keep(
          KernelOperation.LINEAR_GELU,
          kernels.linearGelu().apply(x, random(2 * WIDTH, WIDTH), random(2 * WIDTH)));

      Tensor latents = torch.rand(new long[] {4, 4, 4}, options(ScalarType.Float));
      Tensor scalars = torch.rand(new long[] {3}, options(ScalarType.Float));
      kernels.guidedEulerStep().apply(latents, random(ROWS, 16), layout, 2, scalars);
      Tensor previous = torch.rand(new long[] {4, 4, 4}, options(ScalarType.Float));
      kernels.guidedEulerStep().apply(latents, random(ROWS, 16), previous, layout, 2, scalars);
      keep(KernelOperation.GUIDED_EULER_STEP, latents, previous);
    }
  }

  private void imageAutoencoder() {
    Tensor x = Ops.channelsLast(random(2, WIDTH, 3, ROWS));
    Tensor vector = random(WIDTH);
    GroupNorm.Affine affine = new GroupNorm.Affine(vector, random(WIDTH), 4, EPS);
    keep(KernelOperation.GROUP_NORM, kernels.groupNorm().norm(x, vector, affine));
    keep(KernelOperation.GROUP_NORM_SILU, kernels.groupNorm().normSilu(x, null, affine));
    keep(KernelOperation.UPSAMPLE_NEAREST, kernels.upsampleNearest().twice(x));
    kernels.biasResidual().add(x, vector, Ops.channelsLast(random(2, WIDTH, 3, ROWS)));
    keep(KernelOperation.BIAS_RESIDUAL, x);
  }

  private void fp8() {
    Rows x = kernels.quantizeRows().quantize(random(ROWS, WIDTH));
    keep(KernelOperation.QUANTIZE_ROWS, x.numbers());
    keep(
        KernelOperation.GELU_QUANTIZE_ROWS,
        kernels.quantizeRows().gelu(random(ROWS, WIDTH)).numbers());
    keep(
        KernelOperation.SILU_MUL_QUANTIZE_ROWS,
        kernels.quantizeRows().siluMul(random(ROWS, 2 * WIDTH)).numbers());
    Rows weight = kernels.quantizeRows().quantize(random(16, WIDTH));
    keep(KernelOperation.FP8_LINEAR, kernels.fp8Linear().apply(x, weight, null, compute.dtype()));
    Tensor query = e4m3(8);
    Tensor out = query.clone();
    kernels.fp8Attention().apply(query, e4m3(8), e4m3(1), out);
    keep(KernelOperation.FP8_ATTENTION, out.to(ScalarType.Float));
  }

  /** {@code [KEYS, H, d]}. */
  private Tensor e4m3(double scale) {
    return random(KEYS, HEADS, HEAD_DIM).mul_(new Scalar(scale)).to(ScalarType.Float8_e4m3fn);
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
