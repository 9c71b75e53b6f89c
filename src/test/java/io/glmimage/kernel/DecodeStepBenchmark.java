package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Times each kind of operation in a decoding step of the prior, at the geometry of the checkpoint
 * with 16 billion parameters, in bf16 and in fp8. Prints microseconds per call, calls per step,
 * their product, the rate of bytes that have to move, and the sum. Then come the forms of the fp8
 * products. Times are those of {@link CudaKernelBenchmark}.
 *
 * <pre>{@code java -cp CLASSES:JARS io.glmimage.kernel.DecodeStepBenchmark CACHE_FOLDER BATCH
 * TOKENS ROWS,ROWS...}</pre>
 *
 * <p>BATCH rows are multiplied, of which ROWS are decoded, each with TOKENS tokens in its cache.
 */
final class DecodeStepBenchmark {
  private static final Compute GPU = Compute.cuda(0);
  private static final int LAYERS = 40;
  private static final int WIDTH = 4096;
  private static final int INNER = 13696;
  private static final int HEADS = 32;
  private static final int KV_HEADS = 2;
  private static final int HEAD_DIM = 128;
  private static final int QKV_WIDTH = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
  private static final int CODEBOOK = 16384;
  private static final double EPS = 1e-5;

  /** Inputs and outputs of the linear layers of one layer of the network. */
  private static final long[][] PRODUCTS = {
    {WIDTH, QKV_WIDTH}, {WIDTH, WIDTH}, {WIDTH, 2 * INNER}, {INNER, WIDTH}
  };

  private final CudaKernels kernels;
  private final int batch;
  private final int tokens;
  private double sumMicros;

  private DecodeStepBenchmark(CudaKernels kernels, int batch, int tokens) {
    this.kernels = kernels;
    this.batch = batch;
    this.tokens = tokens;
  }

  public static void main(String[] arguments) {
    Libtorch.load();
    CudaKernels kernels = new CudaKernels(KernelMode.FUSED, 0, Path.of(arguments[0]));
    kernels.prepare();
    DecodeStepBenchmark benchmark =
        new DecodeStepBenchmark(
            kernels, Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
    for (String rows : arguments[3].split(",", -1)) {
      benchmark.step(Integer.parseInt(rows), /* fp8= */ false);
      benchmark.step(Integer.parseInt(rows), /* fp8= */ true);
    }
    benchmark.otherForms();
    System.exit(0);
  }

  private void step(int rows, boolean fp8) {
    System.out.printf(
        "a step of %d rows, %d tokens each, in %s%n", rows, tokens, fp8 ? "fp8" : "bf16");
    sumMicros = 0;
    for (long[] layer : PRODUCTS) {
      product(batch, layer[0], layer[1], fp8, LAYERS);
    }
    product(batch, WIDTH, CODEBOOK, /* fp8= */ false, 1);
    small(fp8);
    attention(rows);
    if (rows < batch) {
      padding(rows);
    }
    sampling(rows);
    System.out.printf(Locale.ROOT, "  %-46s %23.2f ms%n", "sum", sumMicros / 1e3);
  }

  private void product(long rows, long inputs, long outputs, boolean fp8, int calls) {
    try (TensorScope scope = new TensorScope()) {
      int sets = CudaKernelBenchmark.sets(outputs * inputs * (fp8 ? 1 : 2));
      Tensor[] x = CudaKernelBenchmark.tensors(sets, rows, inputs);
      Tensor[] weight = CudaKernelBenchmark.tensors(sets, outputs, inputs);
      String shape = " [" + rows + ", " + inputs + "] to " + outputs;
      if (!fp8) {
        long bytes = 2 * (rows * inputs + outputs * inputs + rows * outputs);
        time("product" + shape, bytes, sets, calls, (k, s) -> Ops.linear(x[s], weight[s], null));
        return;
      }
      Rows[] x8 = quantized(x);
      Rows[] weight8 = quantized(weight);
      long bytes = rows * inputs + outputs * inputs + 2 * rows * outputs;
      time(
          "fp8 product" + shape,
          bytes,
          sets,
          calls,
          (k, s) -> k.fp8Linear().apply(x8[s], weight8[s], null, ScalarType.BFloat16));
    }
  }

  private Rows[] quantized(Tensor[] x) {
    return Arrays.stream(x).map(kernels.quantizeRows()::quantize).toArray(Rows[]::new);
  }

  /** Operations over rows of the batch. */
  private void small(boolean fp8) {
    try (TensorScope scope = new TensorScope()) {
      int sets = 12;
      Tensor[] x = CudaKernelBenchmark.tensors(sets, batch, WIDTH);
      Tensor[] branch = CudaKernelBenchmark.tensors(sets, batch, WIDTH);
      Tensor[] gateUp = CudaKernelBenchmark.tensors(sets, batch, 2 * INNER);
      Tensor weight = CudaKernelBenchmark.tensors(1, WIDTH)[0];
      long values = (long) batch * WIDTH;
      long gates = (long) batch * INNER;
      time(
          "rms_norm_residual",
          8 * values,
          sets,
          2 * LAYERS,
          (k, s) -> k.rmsNormResidual().addThenNorm(x[s], branch[s], weight, weight, EPS));
      if (fp8) {
        time(
            "quantize_rows",
            3 * values,
            sets,
            3 * LAYERS,
            (k, s) -> k.quantizeRows().quantize(branch[s]));
        time(
            "silu_mul_quantize_rows",
            5 * gates,
            sets,
            LAYERS,
            (k, s) -> k.quantizeRows().siluMul(gateUp[s]));
      } else {
        time("silu_mul", 6 * gates, sets, LAYERS, (k, s) -> k.siluMul().siluMul(gateUp[s]));
      }
    }
  }

  private void attention(int rows) {
    try (TensorScope scope = new TensorScope()) {
      int capacity = 2176;
      long bytes = 4L * rows * tokens * KV_HEADS * HEAD_DIM;
      int sets = Math.min(8, CudaKernelBenchmark.sets(bytes));
      Tensor[] qkv = CudaKernelBenchmark.tensors(sets, rows, QKV_WIDTH);
      Tensor[] keys = CudaKernelBenchmark.tensors(sets, rows, capacity, KV_HEADS, HEAD_DIM);
      Tensor[] values = CudaKernelBenchmark.tensors(sets, rows, capacity, KV_HEADS, HEAD_DIM);
      Tensor counts =
          torch.full(new long[] {rows}, new Scalar(tokens), GPU.options(ScalarType.Int));
      time(
          "decode_attention",
          bytes,
          sets,
          LAYERS,
          (k, s) -> k.decodeAttention().attend(qkv[s], HEADS, keys[s], values[s], counts));
      Tensor cos = torch.rand(new long[] {rows, 32}, GPU.options(ScalarType.Float));
      Tensor sin = torch.rand(new long[] {rows, 32}, GPU.options(ScalarType.Float));
      Tensor cells =
          torch.arange(
              new Scalar(0L),
              new Scalar((long) rows * capacity),
              new Scalar((long) capacity),
              GPU.options(ScalarType.Long));
      time(
          "rotary_cache_write",
          rows * (2L * (HEADS + KV_HEADS) * 64 + 4L * KV_HEADS * HEAD_DIM) * 2,
          sets,
          LAYERS,
          (k, s) ->
              k.rotaryCacheWrite()
                  .rotateAndWrite(qkv[s], HEADS, cos, sin, cells, keys[s], values[s]));
    }
  }

  /** The attended rows become rows of the batch. */
  private void padding(int rows) {
    try (TensorScope scope = new TensorScope()) {
      Tensor[] x = CudaKernelBenchmark.tensors(12, rows, WIDTH);
      time(
          "copy into the batch",
          4L * rows * WIDTH,
          x.length,
          LAYERS,
          (k, s) -> x[s].new_empty(batch, WIDTH).narrow(0, 0, rows).copy_(x[s]));
    }
  }

  private void sampling(int rows) {
    try (TensorScope scope = new TensorScope()) {
      Tensor[] logits = CudaKernelBenchmark.tensors(8, rows, CODEBOOK);
      Tensor uniforms = torch.rand(new long[] {rows}, GPU.options(ScalarType.Float));
      Tensor ids = torch.zeros(new long[] {rows}, GPU.options(ScalarType.Long));
      SamplingSettings settings = new SamplingSettings(0.9, 0, 0.75);
      time(
          "token_sampling",
          2L * rows * CODEBOOK,
          logits.length,
          1,
          (k, s) -> k.tokenSampling().sample(logits[s], uniforms, settings, ids));
    }
  }

  /** The forms of the fp8 products, of which a step uses one, with several numbers of rows. */
  private void otherForms() {
    System.out.println("forms of the fp8 products");
    Fp8Product product = new Fp8Product(0);
    for (long[] layer : PRODUCTS) {
      for (int rows : new int[] {16, 32, 64, 128, 192, 256}) {
        try (TensorScope scope = new TensorScope()) {
          int sets = CudaKernelBenchmark.sets(layer[0] * layer[1]);
          Rows[] x = quantized(CudaKernelBenchmark.tensors(sets, rows, layer[0]));
          Rows[] weight = quantized(CudaKernelBenchmark.tensors(sets, layer[1], layer[0]));
          String shape = " [" + rows + ", " + layer[0] + "] to " + layer[1];
          long bytes = rows * layer[0] + layer[1] * layer[0] + 2L * rows * layer[1];
          time(
              "scales in product" + shape,
              bytes,
              sets,
              LAYERS,
              (k, s) -> product.scaled(x[s], weight[s], null));
          time(
              "without scales" + shape,
              bytes,
              sets,
              LAYERS,
              (k, s) -> product.unscaled(x[s], weight[s]));
          time(
              "scaled afterwards" + shape,
              bytes,
              sets,
              LAYERS,
              (k, s) -> kernels.fp8Linear().scaledAfterwards(x[s], weight[s], null));
        }
      }
    }
  }

  private void time(String name, long bytes, int sets, int calls, CudaKernelBenchmark.Call call) {
    double micros = CudaKernelBenchmark.micros(kernels, sets, call);
    sumMicros += micros * calls;
    System.out.printf(
        Locale.ROOT,
        "  %-46s %8.1f us x %3d = %5.2f ms %6.2f TB/s%n",
        name,
        micros,
        calls,
        micros * calls / 1e3,
        bytes / micros / 1e6);
  }
}
