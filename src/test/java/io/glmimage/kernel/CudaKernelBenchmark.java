package io.glmimage.kernel;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Times every kernel and its ATen form in bf16, at the geometry of the checkpoint with 16 billion
 * parameters. Prints microseconds, the bytes of the floor, and the share of the memory bandwidth.
 * Each time is the median of several replays of a CUDA graph with many calls over rotating inputs,
 * so that neither launches nor the cache count.
 *
 * <pre>{@code java -cp CLASSES:JARS io.glmimage.kernel.CudaKernelBenchmark [CACHE_FOLDER]}</pre>
 */
final class CudaKernelBenchmark {
  private static final double EPS = 1e-5;
  private static final double PEAK_BYTES_A_SECOND = 3.0e12;
  private static final int REPEATS = 7;
  private static final long ROTATED_BYTES = 200L << 20;
  private static final int MOST_SETS = 24;
  private static final Compute GPU = Compute.cuda(0);

  /** One operation over one set of inputs. */
  interface Call {
    void run(KernelProvider kernels, int set);
  }

  private final CudaKernels fused;
  private final KernelProvider aten = new AtenKernels();

  private CudaKernelBenchmark(CudaKernels fused) {
    this.fused = fused;
  }

  public static void main(String[] arguments) {
    Libtorch.load();
    if (!Libtorch.cudaAvailable()) {
      System.out.println(
          "Cannot time CUDA kernels: libtorch sees no GPU: " + Libtorch.cudaProblem());
      System.exit(2);
    }
    Path cache =
        Path.of(arguments.length > 0 ? arguments[0] : System.getProperty("java.io.tmpdir"))
            .resolve("kernels");
    CudaKernels fused = new CudaKernels(KernelMode.FUSED, 0, cache);
    fused.prepare();
    System.out.printf(
        "%-52s %10s %10s %8s %8s %8s%n",
        "operation, bf16", "fused us", "native us", "MB", "floor us", "of 3TB/s");
    new CudaKernelBenchmark(fused).all();
    System.exit(0);
  }

  private void all() {
    copy();
    images(1024, 256);
    images(512, 512);
    images(512, 1024);
    images(128, 1024);
    diffusion(64, 4096);
    for (long[] layer : new long[][] {{4096, 12288}, {4096, 4096}, {4096, 16384}, {16384, 4096}}) {
      eightBits(8258, layer[0], layer[1]);
    }
    for (long[] layer : new long[][] {{4096, 4608}, {4096, 4096}, {4096, 27392}, {13696, 4096}}) {
      eightBits(32, layer[0], layer[1]);
    }
    for (int rows : new int[] {1, 32, 1067 * 4}) {
      prior(rows);
    }
    for (int rows : new int[] {1, 4, 16, 32, 64}) {
      decodeAttention(rows, 4096);
    }
    for (int rows : new int[] {1, 32}) {
      sampling(rows);
    }
  }

  /** A plain copy, whose rate is the reference for the others. */
  private void copy() {
    long count = 64L << 20;
    int sets = 3;
    try (TensorScope scope = new TensorScope()) {
      Tensor[] from = tensors(sets, count);
      Tensor[] to = tensors(sets, count);
      time("copy", 4 * count, sets, (kernels, set) -> to[set].copy_(from[set]), false);
    }
  }

  /** Parts of the image autoencoder, with the channels of images last. */
  private void images(int channels, int side) {
    long bytes = 2L * channels * side * side;
    String shape = " [" + channels + ", " + side + ", " + side + "]";
    int sets = Math.min(3, sets(bytes));
    try (TensorScope scope = new TensorScope()) {
      Tensor[] x = images(sets, channels, side);
      Tensor[] residual = images(sets, channels, side);
      Tensor vector = tensors(1, channels)[0];
      GroupNorm.Affine affine = new GroupNorm.Affine(vector, vector, 32, EPS);
      time(
          "group_norm_silu with bias" + shape,
          3 * bytes,
          sets,
          (k, s) -> k.groupNorm().normSilu(x[s], vector, affine),
          true);
      time(
          "bias_residual" + shape,
          3 * bytes,
          sets,
          (k, s) -> k.biasResidual().add(x[s], vector, residual[s]),
          true);
      if (channels > 128) {
        time(
            "upsample_nearest" + shape,
            5 * bytes,
            sets,
            (k, s) -> k.upsampleNearest().twice(x[s]),
            side < 1024);
      }
    }
  }

  private static Tensor[] images(int sets, long channels, long side) {
    return Arrays.stream(tensors(sets, 1, channels, side, side))
        .map(Ops::channelsLast)
        .toArray(Tensor[]::new);
  }

  /** One denoising step at 1024 x 1024, with both sequences packed: [text | image] twice. */
  private void diffusion(int text, int image) {
    int heads = 32;
    int headDim = 128;
    long width = (long) heads * headDim;
    try (TensorScope scope = new TensorScope();
        PackedLayout layout =
            new PackedLayout(
                GPU,
                new int[] {text, 2},
                torch.rand(new long[] {image, headDim / 2}),
                torch.rand(new long[] {image, headDim / 2}))) {
      long rows = layout.rows();
      String shape = " [" + rows + ", " + width + "]";
      int sets = 3;
      Tensor[] x = tensors(sets, rows, width);
      Tensor[] branch = tensors(sets, rows, width);
      Tensor[] out = tensors(sets, rows, width);
      Tensor scale = tensors(1, 2, width)[0];
      Tensor shift = tensors(1, 2, width)[0];
      Tensor gate = tensors(1, 2, width)[0].mul_(new Scalar(0.01));
      time(
          "ada_layer_norm" + shape,
          2 * rows * width * 2,
          sets,
          (k, s) -> k.adaLayerNorm().apply(x[s], scale, shift, layout, EPS, out[s]),
          true);
      time(
          "gated_residual_ada_layer_norm" + shape,
          4 * rows * width * 2,
          sets,
          (k, s) ->
              k.gatedResidualAdaLayerNorm()
                  .apply(x[s], branch[s], gate, scale, shift, layout, EPS, out[s]),
          true);
      Tensor[] qkv = tensors(2, rows, 3 * width);
      Tensor[] query = tensors(2, rows, heads, headDim);
      Tensor[] keyValue = tensors(4, rows, heads, headDim);
      List<PackedLayout.Sequence> sequences = layout.sequences();
      time(
          "qk_norm_rotary" + shape,
          6 * rows * width * 2,
          2,
          (k, s) ->
              k.qkNormRotary()
                  .apply(
                      qkv[s],
                      layout,
                      EPS,
                      query[s],
                      sequences.stream()
                          .map(
                              q ->
                                  new KeyValueRows(
                                      keyValue[2 * s].narrow(0, q.offset(), q.rows()),
                                      keyValue[2 * s + 1].narrow(0, q.offset(), q.rows())))
                          .toList()),
          true);
      long features = 4 * width;
      Tensor weight = tensors(1, features, width)[0].mul_(new Scalar(0.02));
      Tensor bias = tensors(1, features)[0];
      double product = 2.0 * rows * width * features / 790e12 * 1e6;
      time(
          String.format(
              Locale.ROOT, "linear_gelu [%d, %d] (product %.0f us)", rows, features, product),
          2 * rows * features * 2,
          sets,
          (k, s) -> k.linearGelu().apply(x[s], weight, bias),
          true);
      time(
          "linear_gelu as product, then bias_gelu",
          2 * rows * features * 2,
          sets,
          (k, s) -> fused.linearGelu().linearThenBiasGelu(x[s], weight, bias),
          false);
      time(
          "the product alone, without bias",
          2 * rows * features * 2,
          sets,
          (k, s) -> Ops.linear(x[s], weight, null),
          false);
      Tensor[] wide = tensors(2, rows, features);
      time(
          "bias_gelu alone [" + rows + ", " + features + "]",
          2 * rows * features * 2,
          2,
          (k, s) -> {
            if (k instanceof CudaKernels cuda) {
              cuda.linearGelu().biasGelu(wide[s], bias);
            } else {
              torch.gelu_(wide[s].add_(bias), "tanh");
            }
          },
          true);
      Tensor latents = torch.zeros(new long[] {16, 128, 128}, GPU.options(ScalarType.Float));
      Tensor prediction = tensors(1, rows, 64)[0];
      Tensor delta = torch.rand(new long[] {2}, GPU.options(ScalarType.Float));
      time(
          "guided_euler_step [16, 128, 128]",
          2L * 16 * 128 * 128 * (2 + 4),
          1,
          (k, s) -> k.guidedEulerStep().apply(latents, prediction, layout, 2, delta),
          true);
    }
  }

  /**
   * A linear layer in e4m3, compared with bf16 (the column "native"): the product, the product that
   * is scaled afterwards, and the quantization of its input.
   */
  private void eightBits(long rows, long inputs, long outputs) {
    try (TensorScope scope = new TensorScope()) {
      int sets = Math.min(6, sets(outputs * inputs));
      Tensor[] x = tensors(sets, rows, inputs);
      Tensor[] weight = tensors(sets, outputs, inputs);
      Tensor bias = tensors(1, outputs)[0];
      Rows[] x8 = new Rows[sets];
      Rows[] weight8 = new Rows[sets];
      for (int s = 0; s < sets; s++) {
        x8[s] = fused.quantizeRows().quantize(x[s]);
        weight8[s] = fused.quantizeRows().quantize(weight[s]);
      }
      Fp8Product product = new Fp8Product(0);
      String shape = " [" + rows + ", " + inputs + "] to " + outputs;
      long bytes = rows * inputs + outputs * inputs + 2 * rows * outputs;
      time(
          "fp8_linear" + shape,
          bytes,
          sets,
          (k, s) -> {
            if (k instanceof CudaKernels) {
              k.fp8Linear().apply(x8[s], weight8[s], bias, ScalarType.BFloat16);
            } else {
              Ops.linear(x[s], weight[s], bias);
            }
          },
          true);
      time(
          "the same, scaled afterwards",
          bytes,
          sets,
          (k, s) ->
              fused
                  .fp8Linear()
                  .scaleAndBias(
                      product.unscaled(x8[s], weight8[s]),
                      x8[s].scales(),
                      weight8[s].scales(),
                      bias),
          false);
      time(
          "quantize_rows [" + rows + ", " + inputs + "]",
          3 * rows * inputs,
          sets,
          (k, s) -> k.quantizeRows().quantize(x[s]),
          true);
    }
  }

  private void prior(int rows) {
    long width = 4096;
    long inner = 13696;
    int heads = 32;
    int kvHeads = 2;
    int headDim = 128;
    try (TensorScope scope = new TensorScope()) {
      int sets = sets(2L * rows * width * 2);
      Tensor[] x = tensors(sets, rows, width);
      Tensor[] branch = tensors(sets, rows, width);
      Tensor first = tensors(1, width)[0];
      Tensor second = tensors(1, width)[0];
      time(
          "rms_norm [" + rows + ", " + width + "]",
          (2L * rows + 1) * width * 2,
          sets,
          (k, s) -> k.rmsNormResidual().norm(x[s], first, EPS),
          true);
      time(
          "rms_norm_residual [" + rows + ", " + width + "]",
          (4L * rows + 2) * width * 2,
          sets,
          (k, s) -> k.rmsNormResidual().addThenNorm(x[s], branch[s], first, second, EPS),
          true);
      int gateSets = sets(2L * rows * inner * 2);
      Tensor[] gateUp = tensors(gateSets, rows, 2 * inner);
      time(
          "silu_mul [" + rows + ", " + inner + "]",
          3L * rows * inner * 2,
          gateSets,
          (k, s) -> k.siluMul().siluMul(gateUp[s]),
          true);
      Tensor[] qkv = tensors(sets, rows, (heads + 2L * kvHeads) * headDim);
      Tensor cos = torch.rand(new long[] {rows, 32}, GPU.options(ScalarType.Float));
      Tensor sin = torch.rand(new long[] {rows, 32}, GPU.options(ScalarType.Float));
      Tensor cells = torch.arange(new Scalar(rows), GPU.options(ScalarType.Long));
      Tensor keys = tensors(1, 1, rows, kvHeads, headDim)[0];
      Tensor values = tensors(1, 1, rows, kvHeads, headDim)[0];
      time(
          "rotary_cache_write [" + rows + ", " + (heads + 2 * kvHeads) * headDim + "]",
          rows * (2L * (heads + kvHeads) * 64 + 4L * kvHeads * headDim) * 2,
          sets,
          (k, s) ->
              k.rotaryCacheWrite().rotateAndWrite(qkv[s], heads, cos, sin, cells, keys, values),
          true);
    }
  }

  private void decodeAttention(int slots, int capacity) {
    int heads = 32;
    int kvHeads = 2;
    int headDim = 128;
    Random random = new Random(1);
    int[] counts = new int[slots];
    Arrays.setAll(counts, i -> 1100 + random.nextInt(1000));
    long tokens = Arrays.stream(counts).sum();
    try (TensorScope scope = new TensorScope()) {
      int sets = Math.min(8, sets(2L * tokens * kvHeads * headDim * 2));
      Tensor[] qkv = tensors(sets, slots, (heads + 2L * kvHeads) * headDim);
      Tensor[] keys = tensors(sets, slots, capacity, kvHeads, headDim);
      Tensor[] values = tensors(sets, slots, capacity, kvHeads, headDim);
      Tensor lengths = Ops.to(Ops.of(counts, slots), GPU, ScalarType.Int);
      time(
          "decode_attention " + slots + " slots, " + tokens + " tokens of " + capacity + " each",
          2 * tokens * kvHeads * headDim * 2,
          sets,
          (k, s) -> k.decodeAttention().attend(qkv[s], heads, keys[s], values[s], lengths),
          true);
    }
  }

  private void sampling(int rows) {
    try (TensorScope scope = new TensorScope()) {
      int width = 16512;
      Tensor[] logits = tensors(8, rows, width);
      Tensor uniforms = torch.rand(new long[] {rows}, GPU.options(ScalarType.Float));
      Tensor ids = torch.zeros(new long[] {rows}, GPU.options(ScalarType.Long));
      for (SamplingSettings settings :
          List.of(new SamplingSettings(0.9, 50, 0.75), new SamplingSettings(0.9, 0, 0.75))) {
        time(
            "token_sampling [" + rows + ", " + width + "] top_k " + settings.topK(),
            (long) rows * width * 2,
            8,
            (k, s) -> k.tokenSampling().sample(logits[s], uniforms, settings, ids),
            true);
      }
    }
  }

  private void time(String name, long bytes, int sets, Call call, boolean both) {
    double fusedMicros = micros(fused, sets, call);
    double atenMicros = both ? micros(aten, sets, call) : Double.NaN;
    double floor = bytes / PEAK_BYTES_A_SECOND * 1e6;
    System.out.printf(
        Locale.ROOT,
        "%-52s %10.1f %10.1f %8.2f %8.1f %7.0f%%%n",
        name,
        fusedMicros,
        atenMicros,
        bytes / 1e6,
        floor,
        100 * floor / fusedMicros);
  }

  static double micros(KernelProvider kernels, int sets, Call call) {
    int calls = Math.max(sets, 12);
    Runnable work =
        () -> {
          for (int i = 0; i < calls; i++) {
            try (TensorScope scope = new TensorScope()) {
              call.run(kernels, i % sets);
            }
          }
        };
    double[] times = new double[REPEATS];
    try (CudaGraph graph = new CudaGraph("benchmark", 0, work);
        CUDAStream current = torch_cuda.getCurrentCUDAStream((byte) 0);
        TensorScope scope = new TensorScope()) {
      CUstream_st stream = current.stream();
      CUevent_st start = new CUevent_st();
      CUevent_st end = new CUevent_st();
      cudart.cudaEventCreate(start);
      cudart.cudaEventCreate(end);
      for (int i = 0; i < REPEATS; i++) {
        graph.replay();
        cudart.cudaEventRecord(start, stream);
        graph.replay();
        cudart.cudaEventRecord(end, stream);
        cudart.cudaEventSynchronize(end);
        float[] millis = new float[1];
        cudart.cudaEventElapsedTime(millis, start, end);
        times[i] = millis[0] * 1e3 / calls;
      }
      cudart.cudaEventDestroy(start);
      cudart.cudaEventDestroy(end);
    }
    Arrays.sort(times);
    return times[REPEATS / 2];
  }

  /** Enough sets of {@code bytes} to exceed the cache. */
  static int sets(long bytes) {
    return (int) Math.max(2, Math.min(MOST_SETS, ROTATED_BYTES / Math.max(1, bytes)));
  }

  static Tensor[] tensors(int sets, long... shape) {
    Tensor[] out = new Tensor[sets];
    for (int i = 0; i < sets; i++) {
      out[i] = torch.empty(shape, GPU.options(), new MemoryFormatOptional()).normal_();
    }
    return out;
  }
}
