package io.glmimage.kernel;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Compares every CUDA kernel with libtorch's operations in float32 on the CPU, on the same
 * (rounded) random inputs, at odd sizes, with empty parts and poisoned outputs. Runs under JUnit
 * ({@code CudaKernelsGpuTest}), or on its own without a build tool:
 *
 * <pre>{@code java -cp CLASSES:JARS io.glmimage.kernel.CudaKernelCheck [CACHE_FOLDER]}</pre>
 */
final class CudaKernelCheck {
  /** One named check. {@link #run} returns what it measured, or throws {@link AssertionError}. */
  record Check(String name, Supplier<String> body) {
    String run() {
      try (TensorScope scope = new TensorScope()) {
        return body.get();
      }
    }
  }

  private static final double EPS = 1e-5;
  private static final List<ScalarType> TYPES = List.of(ScalarType.BFloat16, ScalarType.Float);
  private static final Compute CPU = Compute.cpu();

  private final CudaKernels fused;
  private final KernelProvider aten = new AtenKernels();
  private final Random random = new Random(20261123);
  private final List<Check> checks = new ArrayList<>();

  CudaKernelCheck(CudaKernels fused) {
    this.fused = fused;
    for (ScalarType type : TYPES) {
      addAll(type);
    }
    int[][] products = {
      {1, 16, 16},
      {7, 64, 48},
      {32, 4096, 4608},
      {33, 13696, 4096},
      {64, 4096, 4096},
      {64, 4096, 27392},
      {128, 13696, 4096},
      {129, 13696, 4096},
      {1030, 4096, 4096}
    };
    for (int[] s : products) {
      add(
          "fp8_linear " + s[0] + " x " + s[1] + " to " + s[2],
          () -> fp8Linear(s[0], s[1], s[2], /* withBias= */ true));
      add(
          "fp8_linear without bias " + s[0] + " x " + s[1] + " to " + s[2],
          () -> fp8Linear(s[0], s[1], s[2], /* withBias= */ false));
    }
    int[][] lengths = {
      {1, 1, 16},
      {37, 41, 16},
      {3, 700, 32},
      {37, 41, 64},
      {129, 257, 64},
      {64, 64, 128},
      {1057, 2081, 128}
    };
    for (int[] l : lengths) {
      add("fp8_attention " + Arrays.toString(l), () -> fp8Attention(l[0], l[1], l[2]));
    }
    for (int[] s : new int[][] {{32, 4096, 4608}, {64, 13696, 4096}, {200, 4096, 4096}}) {
      add(
          "fp8_linear: a row does not depend on its neighbours " + Arrays.toString(s),
          () -> fp8Neighbours(s[0], s[1], s[2]));
    }
    checks.add(new Check("fp8_linear in a graph", this::fp8Graph));
    checks.add(new Check("guided_euler_step: latents of odd sides", this::oddLatents));
    checks.add(new Check("empty tensors give empty results", this::emptyTensors));
    checks.add(new Check("graph: replays follow what changes", this::graph));
    checks.add(new Check("graph: what cannot be recorded runs op by op", this::unrecordable));
  }

  List<Check> checks() {
    return checks;
  }

  public static void main(String[] arguments) {
    Libtorch.load();
    if (!Libtorch.cudaAvailable()) {
      System.out.println(
          "Cannot check CUDA kernels: libtorch sees no GPU: " + Libtorch.cudaProblem());
      System.exit(2);
    }
    Path cache =
        Path.of(arguments.length > 0 ? arguments[0] : System.getProperty("java.io.tmpdir"))
            .resolve("kernels");
    long start = System.nanoTime();
    CudaKernels fused = new CudaKernels(KernelMode.FUSED, 0, cache);
    fused.prepare();
    System.out.printf(
        Locale.ROOT, "kernels compiled and loaded in %.2f s%n", (System.nanoTime() - start) / 1e9);
    int failed = 0;
    List<Check> checks = new CudaKernelCheck(fused).checks();
    for (Check check : checks) {
      String outcome;
      try {
        outcome = "pass  " + check.name() + "  " + check.run();
      } catch (RuntimeException | AssertionError e) {
        failed++;
        outcome = "FAIL  " + check.name() + "  " + e;
      }
      System.out.println(outcome);
    }
    fused.selections().forEach(System.out::println);
    System.out.println(checks.size() - failed + " of " + checks.size() + " checks passed");
    System.exit(failed == 0 ? 0 : 1);
  }

  private void addAll(ScalarType type) {
    String of = type == ScalarType.Float ? " float32 " : " bf16 ";
    addRowWise(type, of);
    addAttention(type, of);
    addSampling(type, of);
    addImages(type, of);
  }

  /** Operations on each row of a matrix. */
  private void addRowWise(ScalarType type, String of) {
    int[][] shapes = {{1, 8}, {3, 40}, {7, 192}, {33, 1472}, {1055, 512}, {2, 8192}, {1030, 4096}};
    for (int[] s : shapes) {
      String shape = s[0] + " x " + s[1];
      add("ada_layer_norm" + of + shape, () -> adaLayerNorm(type, s[0], s[1]));
      add("gated_residual_ada_layer_norm" + of + shape, () -> gatedResidual(type, s[0], s[1]));
      add("rms_norm" + of + shape, () -> rmsNorm(type, s[0], s[1]));
      add("rms_norm_residual" + of + shape, () -> rmsNormResidual(type, s[0], s[1]));
      add("silu_mul" + of + shape, () -> siluMul(type, s[0], s[1]));
      add("bias_gelu" + of + shape, () -> biasGelu(type, s[0], s[1]));
      add("quantize_rows" + of + shape, () -> quantizeRows(type, s[0], s[1]));
      add("scale_bias" + of + shape, () -> scaleBias(type, s[0], s[1]));
      add("ada_layer_norm to e4m3" + of + shape, () -> quantizingNorms(type, s[0], s[1]));
    }
    add("linear_gelu" + of, () -> linearGelu(type));
    add("guided_euler_step" + of, () -> guidedEulerStep(type, 16, 12, 20, 2, true));
    add("guided_euler_step second order" + of, () -> secondOrderStep(type, 16, 12, 20, 2, true));
    add(
        "guided_euler_step second order, one prediction" + of,
        () -> secondOrderStep(type, 3, 5, 7, 1, false));
    add("guided_euler_step one prediction" + of, () -> guidedEulerStep(type, 4, 6, 3, 3, false));
  }

  /** Attention and what prepares it. */
  private void addAttention(ScalarType type, String of) {
    for (int headDim : new int[] {16, 32, 64, 128}) {
      add(
          "qk_norm_rotary" + of + headDim,
          () -> qkNormRotary(type, new int[] {5, 2}, 37, 3, headDim));
      add(
          "qk_norm_rotary to e4m3" + of + headDim,
          () -> quantizingQkNormRotary(type, new int[] {5, 0, 2}, 37, 3, headDim));
      add(
          "qk_norm_rotary no text" + of + headDim,
          () -> qkNormRotary(type, new int[] {0}, 12, 6, headDim));
      add("decode_attention" + of + headDim, () -> decodeAttention(type, 5, 6, 2, headDim, 700));
      add(
          "decode_attention 16 a key head" + of + headDim,
          () -> decodeAttention(type, 7, 32, 2, headDim, 1111));
      add(
          "decode_attention alone" + of + headDim,
          () -> decodeAttention(type, 1, 4, 4, headDim, 33));
    }
    int[][] lengths = {{1, 1, 8}, {37, 41, 16}, {129, 257, 64}, {1057, 2081, 128}, {64, 64, 256}};
    for (int[] l : lengths) {
      add(
          "sequence_attention" + of + Arrays.toString(l),
          () -> sequenceAttention(type, l[0], l[1], l[2]));
    }
    add("decode_attention 17 a key head" + of, () -> decodeAttention(type, 2, 17, 1, 128, 300));
    add("decode_attention neighbours" + of, () -> neighbours(type));
    add(
        "qk_norm_rotary many sequences" + of,
        () -> qkNormRotary(type, new int[] {1, 0, 2, 3, 1, 0, 4, 5, 6, 1}, 3, 2, 64));
    int[][] rotaries = {
      {32, 2, 128, 32}, {6, 2, 32, 8}, {3, 1, 16, 4}, {2, 2, 24, 5}, {4, 1, 64, 32}, {2, 1, 32, 0}
    };
    for (int[] r : rotaries) {
      add(
          "rotary_cache_write" + of + Arrays.toString(r),
          () -> rotaryCacheWrite(type, 37, r[0], r[1], r[2], r[3]));
    }
  }

  private void addSampling(ScalarType type, String of) {
    SamplingSettings[] settings = {
      new SamplingSettings(1, 0, 1),
      new SamplingSettings(0.9, 50, 0.75),
      new SamplingSettings(1.3, 0, 0.9),
      new SamplingSettings(0.7, 5, 1),
      new SamplingSettings(1, 2, 0.01),
      SamplingSettings.greedy()
    };
    for (int width : new int[] {3, 257, 16512, 20001}) {
      for (SamplingSettings s : settings) {
        add(
            "token_sampling" + of + width + " " + s.temperature() + " " + s.topK() + " " + s.topP(),
            () -> sampling(type, 33, width, s));
      }
    }
  }

  private void addImages(ScalarType type, String of) {
    // images, channels, height, width, groups. A group of one value has no variance, and its
    // rounding grows a thousandfold.
    int[][] shapes = {
      {1, 8, 1, 1, 2}, {2, 16, 7, 5, 8}, {3, 40, 33, 21, 5}, {1, 128, 129, 65, 32},
      {2, 512, 40, 37, 32}, {1, 1024, 64, 64, 32}, {1, 1024, 3, 3, 4}, {1, 64, 400, 500, 1}
    };
    for (int[] s : shapes) {
      String shape = Arrays.toString(s);
      add("group_norm" + of + shape, () -> groupNorm(type, s));
      add("bias_residual" + of + shape, () -> biasResidual(type, s));
      add("upsample_nearest" + of + shape, () -> upsampleNearest(type, s));
    }
    add("group_norm far from zero" + of, () -> farFromZero(type));
    add("group_norm: an image does not depend on its neighbours" + of, () -> imageAlone(type));
  }

  private void add(String name, Supplier<String> body) {
    checks.add(new Check(name, body));
  }

  // ---- diffusion transformer ----

  private String adaLayerNorm(ScalarType type, int rows, int width) {
    try (PackedLayouts layouts = layouts(new int[] {rows / 3}, rows - rows / 3, 4)) {
      Tensor x = normals(type, 3, 1, rows, width);
      Tensor scale = normals(type, 0.3, 0, 2, width);
      Tensor shift = normals(type, 0.3, 0, 2, width);
      Tensor out = poisoned(type, rows, width);
      fused.adaLayerNorm().apply(gpu(x), gpu(scale), gpu(shift), layouts.gpu(), EPS, out);
      Tensor expected =
          aten.adaLayerNorm()
              .apply(f32(x), f32(scale), f32(shift), layouts.cpu(), EPS, f32(x).clone());
      return close(type, out, expected);
    }
  }

  private String gatedResidual(ScalarType type, int rows, int width) {
    try (PackedLayouts layouts = layouts(new int[] {rows / 2}, rows - rows / 2, 4)) {
      Tensor residual = normals(type, 2, 1, rows, width);
      Tensor branch = normals(type, 1, 0, rows, width);
      Tensor gate = normals(type, 1, 0, 2, width);
      Tensor scale = normals(type, 0.3, 0, 2, width);
      Tensor shift = normals(type, 0.3, 0, 2, width);
      Tensor sum = gpu(residual);
      Tensor out = poisoned(type, rows, width);
      fused
          .gatedResidualAdaLayerNorm()
          .apply(sum, gpu(branch), gpu(gate), gpu(scale), gpu(shift), layouts.gpu(), EPS, out);
      Tensor expectedSum = f32(residual).clone();
      aten.gatedResidualAdaLayerNorm()
          .apply(
              expectedSum,
              f32(branch),
              f32(gate),
              f32(scale),
              f32(shift),
              layouts.cpu(),
              EPS,
              f32(residual).clone());
      // The norm is that of the sum as stored.
      Tensor stored = f32(cpu(sum));
      Tensor expected =
          aten.adaLayerNorm()
              .apply(stored, f32(scale), f32(shift), layouts.cpu(), EPS, stored.clone());
      return "sum " + close(type, sum, expectedSum) + ", norm " + close(type, out, expected);
    }
  }

  private String qkNormRotary(ScalarType type, int[] text, int image, int heads, int headDim) {
    try (PackedLayouts layouts = layouts(text, image, headDim)) {
      int rows = layouts.cpu().rows();
      Tensor qkv = normals(type, 2, 0.5, rows, 3L * heads * headDim);
      Tensor query = poisoned(type, rows, heads, headDim);
      Tensor expectedQuery = f32(cpu(query));
      List<Tensor> buffers = new ArrayList<>();
      List<Tensor> expectedBuffers = new ArrayList<>();
      List<KeyValueRows> to = new ArrayList<>();
      List<KeyValueRows> expectedTo = new ArrayList<>();
      for (PackedLayout.Sequence sequence : layouts.cpu().sequences()) {
        // Rows before and after the destination must keep their poison.
        Tensor buffer = poisoned(type, 2, sequence.rows() + 3, heads, headDim);
        Tensor expected = f32(cpu(buffer));
        buffers.add(buffer);
        expectedBuffers.add(expected);
        to.add(rows(buffer, sequence.rows()));
        expectedTo.add(rows(expected, sequence.rows()));
      }
      fused.qkNormRotary().apply(gpu(qkv), layouts.gpu(), EPS, query, to);
      aten.qkNormRotary().apply(f32(qkv), layouts.cpu(), EPS, expectedQuery, expectedTo);
      StringBuilder out = new StringBuilder("query " + close(type, query, expectedQuery));
      for (int i = 0; i < buffers.size(); i++) {
        String seen = close(type, buffers.get(i), expectedBuffers.get(i));
        out.append(i < 2 ? ", kv " + seen : "");
      }
      return out.toString();
    }
  }

  private String quantizingQkNormRotary(
      ScalarType type, int[] text, int image, int heads, int headDim) {
    try (PackedLayouts layouts = layouts(text, image, headDim)) {
      int rows = layouts.cpu().rows();
      // Some values are out of e4m3's range.
      Tensor qkv = normals(type, 20, 5, rows, 3L * heads * headDim);
      Tensor query = poisonedE4m3(rows, heads, headDim);
      Tensor expectedQuery = cpu(query);
      List<Tensor> buffers = new ArrayList<>();
      List<Tensor> expectedBuffers = new ArrayList<>();
      List<KeyValueRows> to = new ArrayList<>();
      List<KeyValueRows> expectedTo = new ArrayList<>();
      for (PackedLayout.Sequence sequence : layouts.cpu().sequences()) {
        Tensor buffer = poisonedE4m3(2, sequence.rows() + 3, heads, headDim);
        Tensor expected = cpu(buffer).clone();
        buffers.add(buffer);
        expectedBuffers.add(expected);
        to.add(rows(buffer, sequence.rows()));
        expectedTo.add(rows(expected, sequence.rows()));
      }
      fused.qkNormRotary().apply(gpu(qkv), layouts.gpu(), EPS, 8, query, to);
      aten.qkNormRotary().apply(f32(qkv), layouts.cpu(), EPS, 8, expectedQuery, expectedTo);
      StringBuilder out = new StringBuilder("query " + sameE4m3(query, expectedQuery));
      for (int i = 0; i < buffers.size(); i++) {
        out.append(", kv ").append(sameE4m3(buffers.get(i), expectedBuffers.get(i)));
      }
      return out.toString();
    }
  }

  private static Tensor poisonedE4m3(long... shape) {
    return poisoned(ScalarType.Float, shape).to(ScalarType.Float8_e4m3fn);
  }

  private static KeyValueRows rows(Tensor buffer, int rows) {
    return new KeyValueRows(
        buffer.select(0, 0).narrow(0, 1, rows), buffer.select(0, 1).narrow(0, 2, rows));
  }

  private String sequenceAttention(ScalarType type, int queries, int keys, int headDim) {
    Tensor q = normals(type, 1, 0, queries, 3, headDim);
    Tensor k = normals(type, 1, 0, keys + 5L, 3, headDim).narrow(0, 2, keys);
    Tensor v = normals(type, 1, 0, keys + 5L, 3, headDim).narrow(0, 3, keys);
    poisonNext(type, 3, queries, headDim);
    return near(
        type,
        fused.sequenceAttention().apply(heads(gpu(q)), heads(gpu(k)), heads(gpu(v))),
        aten.sequenceAttention().apply(heads(f32(q)), heads(f32(k)), heads(f32(v))));
  }

  /** {@code [rows, H, d] -> [1, H, rows, d]}. */
  private static Tensor heads(Tensor rows) {
    return rows.unsqueeze(0).transpose(1, 2);
  }

  private String biasGelu(ScalarType type, int rows, int width) {
    Tensor x = normals(type, 3, 0, rows, width);
    Tensor bias = normals(type, 1, 0, width);
    Tensor out = gpu(x);
    fused.linearGelu().biasGelu(out, gpu(bias));
    return close(type, out, torch.gelu(f32(x).add(f32(bias)), "tanh"));
  }

  // ---- fp8 products ----

  private String quantizeRows(ScalarType type, int rows, int width) {
    Tensor x = normals(type, 3, 0, rows, width);
    x.select(0, rows - 1).zero_();
    poisonNext(ScalarType.Byte, rows, width);
    String plain = quantized(fused.quantizeRows().quantize(gpu(x)), f32(x));
    Tensor gateUp = normals(type, 3, 0, rows, 2L * width);
    return "rows "
        + plain
        + ", gelu "
        + quantized(fused.quantizeRows().gelu(gpu(x)), torch.gelu(f32(x), "tanh"))
        + ", silu "
        + quantized(fused.quantizeRows().siluMul(gpu(gateUp)), aten.siluMul().siluMul(f32(gateUp)));
  }

  private String quantizingNorms(ScalarType type, int rows, int width) {
    try (PackedLayouts layouts = layouts(new int[] {rows / 3}, rows - rows / 3, 4)) {
      Tensor residual = normals(type, 2, 1, rows, width);
      Tensor branch = normals(type, 1, 0, rows, width);
      Tensor gate = normals(type, 1, 0, 2, width);
      Tensor scale = normals(type, 0.3, 0, 2, width);
      Tensor shift = normals(type, 0.3, 0, 2, width);
      Rows out = poisonedRows(rows, width);
      fused.adaLayerNorm().apply(gpu(residual), gpu(scale), gpu(shift), layouts.gpu(), EPS, out);
      String norm = quantized(out, norm(residual, scale, shift, layouts));
      out = poisonedRows(rows, width);
      Tensor sum = gpu(residual);
      fused
          .gatedResidualAdaLayerNorm()
          .apply(sum, gpu(branch), gpu(gate), gpu(scale), gpu(shift), layouts.gpu(), EPS, out);
      return norm + ", after a sum " + quantized(out, norm(cpu(sum), scale, shift, layouts));
    }
  }

  private Tensor norm(Tensor x, Tensor scale, Tensor shift, PackedLayouts layouts) {
    return aten.adaLayerNorm()
        .apply(f32(x), f32(scale), f32(shift), layouts.cpu(), EPS, f32(x).clone());
  }

  private static Rows poisonedRows(int rows, int width) {
    return new Rows(
        poisoned(ScalarType.Float, rows, width).to(ScalarType.Float8_e4m3fn),
        poisoned(ScalarType.Float, rows, 1));
  }

  /** Scales within float32's rounding; values equal, or the neighbouring e4m3 close to a tie. */
  private String quantized(Rows actual, Tensor numbers) {
    Rows expected = aten.quantizeRows().quantize(numbers);
    close(ScalarType.Float, actual.scales(), expected.scales());
    return sameE4m3(actual.values(), expected.values());
  }

  /** Equal, or the neighbouring e4m3 close to a tie; NaN is equal to NaN. */
  private static String sameE4m3(Tensor actual, Tensor expected) {
    float[] a = Ops.toFloats(actual);
    float[] e = Ops.toFloats(expected);
    int others = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] != e[i] && !(Float.isNaN(a[i]) && Float.isNaN(e[i]))) {
        others++;
        // Neighbours are a sixteenth to an eighth apart, subnormal ones 2^-9.
        double apart = Math.max(0x1p-9, Math.max(Math.abs(a[i]), Math.abs(e[i])) / 8);
        expect(
            Math.abs((double) a[i] - e[i]) <= apart,
            "element " + i + " is " + a[i] + ", expected " + e[i]);
      }
    }
    expect(others <= 2 + a.length / 1000, others + " of " + a.length + " differ");
    return others == 0 ? "identical" : others + " of " + a.length + " within rounding";
  }

  /** Against attention of the same numbers in float32: the weights and the result are rounded. */
  private String fp8Attention(int queries, int keys, int headDim) {
    int heads = 3;
    double factor = QkNormRotary.factor(headDim);
    Tensor q = normals(ScalarType.Float, factor, 0, queries, heads, headDim);
    Tensor k = normals(ScalarType.Float, factor, 0, keys, heads, headDim);
    Tensor v = normals(ScalarType.Float, 8, 1, keys, heads, headDim);
    Tensor[] inputs = new Tensor[3];
    Tensor[] numbers = {q, k, v};
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = AtenFp8Attention.e4m3(numbers[i]);
      numbers[i] = f32(inputs[i]);
    }
    Scalar inverse = new Scalar(1 / factor);
    Tensor expected =
        aten.sequenceAttention()
            .apply(
                heads(numbers[0].mul(inverse)), heads(numbers[1].mul(inverse)), heads(numbers[2]))
            .squeeze(0)
            .transpose(0, 1);
    // Rows before and after the result must keep their poison.
    Tensor buffer = poisonedE4m3(queries + 2, heads, headDim);
    Tensor out = buffer.narrow(0, 1, queries);
    fused.fp8Attention().apply(gpu(inputs[0]), gpu(inputs[1]), gpu(inputs[2]), out);
    float[] first = Ops.toFloats(out);
    // Memory that the garbage collector frees must not be in use.
    System.gc();
    for (int i = 0; i < 1000; i++) {
      poisonNext(ScalarType.Float, 1 + i % 64);
    }
    fused.fp8Attention().apply(gpu(inputs[0]), gpu(inputs[1]), gpu(inputs[2]), out);
    expect(Arrays.equals(first, Ops.toFloats(out)), "the second call gives other values");
    for (int row : new int[] {0, queries + 1}) {
      for (float x : Ops.toFloats(buffer.select(0, row))) {
        expect(Float.isNaN(x), "row " + row + " of the buffer is overwritten");
      }
    }
    float[] e = Ops.toFloats(expected.contiguous());
    double difference = 0;
    double size = 0;
    for (int i = 0; i < e.length; i++) {
      difference += Math.pow((double) first[i] - e[i], 2);
      size += Math.pow(e[i], 2);
    }
    double relative = Math.sqrt(difference / size);
    expect(relative <= 0.06, "relative error " + relative);
    AttentionShape shape = new AttentionShape(heads, queries, keys, headDim);
    boolean cudnn = fused.fp8Attention().usesCudnn(shape);
    // cuDNN has no kernel for a single query, which the network does not have.
    expect(cudnn == queries > 1, (cudnn ? "cuDNN" : "bfloat16") + " computes " + shape);
    return String.format(
        Locale.ROOT, "relative error %.4f, %s", relative, cudnn ? "cuDNN" : "in bfloat16");
  }

  private String scaleBias(ScalarType type, int rows, int width) {
    Tensor x = normals(type, 100, 0, rows, width);
    Tensor left = normals(ScalarType.Float, 0.1, 0.5, rows, 1);
    Tensor right = normals(ScalarType.Float, 0.1, 0.5, width, 1);
    Tensor bias = normals(type, 3, 0, width);
    Tensor out = gpu(x);
    fused.fp8Linear().scaleAndBias(out, gpu(left), gpu(right), gpu(bias));
    Tensor scaled = f32(x).mul(left).mul(right.t());
    String with = close(type, out, scaled.add(f32(bias)));
    Tensor without = gpu(x);
    fused.fp8Linear().scaleAndBias(without, gpu(left), gpu(right), null);
    return with + ", no bias " + close(type, without, scaled);
  }

  private String fp8Linear(int rows, int inputs, int outputs, boolean withBias) {
    ScalarType type = ScalarType.BFloat16;
    Rows x = fused.quantizeRows().quantize(gpu(normals(type, 1, 0, rows, inputs)));
    Rows weight = fused.quantizeRows().quantize(gpu(normals(type, 0.05, 0, outputs, inputs)));
    Tensor bias = withBias ? normals(type, 1, 0, outputs) : null;
    poisonNext(type, rows, outputs);
    Tensor out = fused.fp8Linear().apply(x, weight, withBias ? gpu(bias) : null, type);
    Tensor expected =
        aten.fp8Linear().apply(cpu(x), cpu(weight), withBias ? f32(bias) : null, ScalarType.Float);
    Tensor scaled = new Fp8Product(0).scaled(x, weight, withBias ? gpu(bias) : null);
    Tensor afterwards = fused.fp8Linear().scaledAfterwards(x, weight, withBias ? gpu(bias) : null);
    boolean few = CudaFp8Linear.scalesAfterwards(rows, outputs);
    expect(
        Arrays.equals(Ops.toFloats(out), Ops.toFloats(few ? afterwards : scaled)),
        "the result is not that of the form for " + rows + " rows");
    // The matrix unit keeps 14 bits of the sums of many products, which single elements show.
    double outlier = 16;
    return "scales in the product "
        + near(type, scaled, expected, outlier)
        + ", afterwards "
        + near(type, afterwards, expected, outlier);
  }

  private String fp8Neighbours(int rows, int inputs, int outputs) {
    ScalarType type = ScalarType.BFloat16;
    Tensor x = gpu(normals(type, 1, 0, rows, inputs));
    Rows weight = fused.quantizeRows().quantize(gpu(normals(type, 0.05, 0, outputs, inputs)));
    float[] first =
        Ops.toFloats(fused.fp8Linear().apply(fused.quantizeRows().quantize(x), weight, null, type));
    Tensor turned = x.roll(new long[] {5}, 0).contiguous();
    float[] second =
        Ops.toFloats(
            fused
                .fp8Linear()
                .apply(fused.quantizeRows().quantize(turned), weight, null, type)
                .roll(new long[] {-5}, 0));
    expect(Arrays.equals(first, second), "rows differ in another order");
    // Other neighbours, in a batch of the same size.
    Tensor changed = x.clone();
    changed.narrow(0, 1, rows - 1).fill_(new Scalar(3.0));
    float[] third =
        Ops.toFloats(
            fused
                .fp8Linear()
                .apply(fused.quantizeRows().quantize(changed), weight, null, type)
                .narrow(0, 0, 1));
    expect(
        Arrays.equals(Arrays.copyOf(first, outputs), third), "a row differs with other neighbours");
    return "identical";
  }

  private String fp8Graph() {
    ScalarType type = ScalarType.BFloat16;
    Tensor x = gpu(normals(type, 1, 0, 32, 256));
    Rows weight = fused.quantizeRows().quantize(gpu(normals(type, 0.05, 0, 128, 256)));
    Tensor result = poisoned(type, 32, 128);
    Runnable step =
        () ->
            result.copy_(
                fused.fp8Linear().apply(fused.quantizeRows().quantize(x), weight, null, type));
    try (CudaGraph graph = new CudaGraph("fp8 check", 0, step)) {
      expect(graph.recorded(), "was not recorded");
      for (int i = 0; i < 3; i++) {
        x.copy_(gpu(normals(type, 1 + i, 0, 32, 256)));
        result.fill_(new Scalar(Double.NaN));
        graph.replay();
        float[] replayed = Ops.toFloats(result);
        step.run();
        expect(Arrays.equals(replayed, Ops.toFloats(result)), "replay " + i + " differs");
      }
    }
    return "identical";
  }

  private static Rows cpu(Rows rows) {
    return new Rows(cpu(rows.values()), cpu(rows.scales()));
  }

  private String linearGelu(ScalarType type) {
    Tensor x = normals(type, 1, 0, 37, 192);
    Tensor weight = normals(type, 0.1, 0, 776, 192);
    Tensor bias = normals(type, 1, 0, 776);
    Tensor out = fused.linearGelu().apply(gpu(x), gpu(weight), gpu(bias));
    Tensor twoSteps = fused.linearGelu().linearThenBiasGelu(gpu(x), gpu(weight), gpu(bias));
    Tensor expected = aten.linearGelu().apply(f32(x), f32(weight), f32(bias));
    return near(type, out, expected) + ", in two steps " + near(type, twoSteps, expected);
  }

  private String guidedEulerStep(
      ScalarType type, int channels, int height, int width, int patch, boolean guided) {
    int image = height / patch * (width / patch);
    try (PackedLayouts layouts = layouts(guided ? new int[] {3, 1} : new int[] {2}, image, 4)) {
      Tensor latents = normals(ScalarType.Float, 1, 0, channels, height, width);
      Tensor prediction =
          normals(type, 1, 0, layouts.cpu().rows(), (long) channels * patch * patch);
      Tensor delta = Ops.of(new float[] {-0.03f, 1.5f}, 2);
      Tensor out = gpu(latents);
      fused.guidedEulerStep().apply(out, gpu(prediction), layouts.gpu(), patch, gpu(delta));
      Tensor expected = latents.clone();
      aten.guidedEulerStep().apply(expected, f32(prediction), layouts.cpu(), patch, delta);
      return close(ScalarType.Float, out, expected);
    }
  }

  private String secondOrderStep(
      ScalarType type, int channels, int height, int width, int patch, boolean guided) {
    int image = height / patch * (width / patch);
    try (PackedLayouts layouts = layouts(guided ? new int[] {3, 1} : new int[] {2}, image, 4)) {
      Tensor latents = normals(ScalarType.Float, 1, 0, channels, height, width);
      Tensor previous = normals(ScalarType.Float, 1, 0, channels, height, width);
      Tensor prediction =
          normals(type, 1, 0, layouts.cpu().rows(), (long) channels * patch * patch);
      Tensor scalars = Ops.of(new float[] {-0.03f, 1.5f, 0.6f}, 3);
      Tensor out = gpu(latents);
      Tensor kept = gpu(previous);
      fused.guidedEulerStep().apply(out, gpu(prediction), kept, layouts.gpu(), patch, gpu(scalars));
      Tensor expected = latents.clone();
      Tensor expectedKept = previous.clone();
      aten.guidedEulerStep()
          .apply(expected, f32(prediction), expectedKept, layouts.cpu(), patch, scalars);
      return "latents "
          + close(ScalarType.Float, out, expected)
          + ", noise "
          + close(ScalarType.Float, kept, expectedKept);
    }
  }

  private String oddLatents() {
    return guidedEulerStep(ScalarType.Float, 3, 5, 7, 1, true);
  }

  // ---- prior decoder ----

  private String rmsNorm(ScalarType type, int rows, int width) {
    Tensor x = normals(type, 2, 0.5, rows, width);
    Tensor weight = normals(type, 0.2, 1, width);
    poisonNext(type, rows, width);
    Tensor out = fused.rmsNormResidual().norm(gpu(x), gpu(weight), EPS);
    return close(type, out, aten.rmsNormResidual().norm(f32(x), f32(weight), EPS));
  }

  private String rmsNormResidual(ScalarType type, int rows, int width) {
    Tensor residual = normals(type, 2, 0.5, rows, width);
    Tensor branch = normals(type, 5, 0, rows, width);
    Tensor first = normals(type, 0.2, 1, width);
    Tensor second = normals(type, 0.2, 1, width);
    Tensor sum = gpu(residual);
    poisonNext(type, rows, width);
    Tensor out =
        fused.rmsNormResidual().addThenNorm(sum, gpu(branch), gpu(first), gpu(second), EPS);
    Tensor expectedSum = f32(residual).clone();
    aten.rmsNormResidual().addThenNorm(expectedSum, f32(branch), f32(first), f32(second), EPS);
    Tensor expected = aten.rmsNormResidual().norm(f32(cpu(sum)), f32(second), EPS);
    return "sum " + close(type, sum, expectedSum) + ", norm " + close(type, out, expected);
  }

  private String siluMul(ScalarType type, int rows, int width) {
    Tensor gateUp = normals(type, 3, 0, rows, 2L * width);
    poisonNext(type, rows, width);
    Tensor out = fused.siluMul().siluMul(gpu(gateUp));
    return close(type, out, aten.siluMul().siluMul(f32(gateUp)));
  }

  private String rotaryCacheWrite(
      ScalarType type, int tokens, int heads, int kvHeads, int headDim, int half) {
    int slots = 5;
    int capacity = 11;
    Tensor qkv = normals(type, 2, 0, tokens, (long) (heads + 2 * kvHeads) * headDim);
    Tensor cos = normals(ScalarType.Float, 1, 0, tokens, half);
    Tensor sin = normals(ScalarType.Float, 1, 0, tokens, half);
    List<Integer> order = new ArrayList<>(IntStream.range(0, slots * capacity).boxed().toList());
    java.util.Collections.shuffle(order, random);
    Tensor cells =
        Ops.of(order.subList(0, tokens).stream().mapToLong(Integer::longValue).toArray(), tokens);
    Tensor keys = poisoned(type, slots, capacity, kvHeads, headDim);
    Tensor values = poisoned(type, slots, capacity, kvHeads, headDim);
    Tensor expectedKeys = f32(cpu(keys));
    Tensor expectedValues = f32(cpu(values));
    Tensor expectedQkv = f32(qkv).clone();
    Tensor out = gpu(qkv);
    // A table without columns is an empty tensor, which goes to libtorch in every mode.
    fused
        .rotaryCacheWrite()
        .rotateAndWrite(out, heads, gpu(cos), gpu(sin), gpu(cells), keys, values);
    aten.rotaryCacheWrite()
        .rotateAndWrite(expectedQkv, heads, cos, sin, cells, expectedKeys, expectedValues);
    return "qkv "
        + close(type, out, expectedQkv)
        + ", keys "
        + close(type, keys, expectedKeys)
        + ", values "
        + close(type, values, expectedValues);
  }

  private String decodeAttention(
      ScalarType type, int slots, int heads, int kvHeads, int headDim, int capacity) {
    Tensor qkv = normals(type, 1, 0, slots, (long) (heads + 2 * kvHeads) * headDim);
    Tensor keys = normals(type, 1, 0, slots, capacity, kvHeads, headDim);
    Tensor values = normals(type, 1, 0.2, slots, capacity, kvHeads, headDim);
    int[] counts = new int[slots];
    for (int s = 0; s < slots; s++) {
      counts[s] = s == 0 ? capacity : s == 1 ? 1 : 1 + random.nextInt(capacity);
    }
    Tensor lengths = Ops.of(counts, slots).to(ScalarType.Int);
    Tensor gpuKeys = gpu(keys).clone();
    Tensor gpuValues = gpu(values).clone();
    for (int s = 0; s < slots; s++) {
      // Cells past a slot's tokens must not be read, not even with weight 0.
      gpuKeys.select(0, s).narrow(0, counts[s], capacity - counts[s]).fill_(new Scalar(Double.NaN));
      gpuValues
          .select(0, s)
          .narrow(0, counts[s], capacity - counts[s])
          .fill_(new Scalar(Double.NaN));
    }
    poisonNext(type, slots, (long) heads * headDim);
    Tensor out = fused.decodeAttention().attend(gpu(qkv), heads, gpuKeys, gpuValues, gpu(lengths));
    Tensor expected =
        aten.decodeAttention().attend(f32(qkv), heads, f32(keys), f32(values), lengths);
    return near(type, out, expected);
  }

  /** A slot alone in a larger cache gives the same bits as among others. */
  private String neighbours(ScalarType type) {
    int heads = 32;
    int kvHeads = 2;
    int headDim = 128;
    int capacity = 900;
    int slots = 4;
    Tensor qkv = gpu(normals(type, 1, 0, slots, (long) (heads + 2 * kvHeads) * headDim));
    Tensor keys = gpu(normals(type, 1, 0, slots, capacity, kvHeads, headDim));
    Tensor values = gpu(normals(type, 1, 0, slots, capacity, kvHeads, headDim));
    Tensor counts = gpu(Ops.of(new int[] {899, 256, 257, 31}, slots).to(ScalarType.Int));
    float[] together =
        Ops.toFloats(fused.decodeAttention().attend(qkv, heads, keys, values, counts));
    int width = heads * headDim;
    for (int s = 0; s < slots; s++) {
      Tensor larger =
          Ops.cat(1, keys.narrow(0, s, 1), keys.narrow(0, (s + 1) % slots, 1)).contiguous();
      Tensor largerValues =
          Ops.cat(1, values.narrow(0, s, 1), values.narrow(0, (s + 1) % slots, 1)).contiguous();
      float[] alone =
          Ops.toFloats(
              fused
                  .decodeAttention()
                  .attend(
                      qkv.narrow(0, s, 1).contiguous(),
                      heads,
                      larger,
                      largerValues,
                      counts.narrow(0, s, 1).clone()));
      expect(
          Arrays.equals(alone, Arrays.copyOfRange(together, s * width, (s + 1) * width)),
          "slot " + s + " differs from itself alone");
    }
    return "identical";
  }

  private String sampling(ScalarType type, int rows, int width, SamplingSettings settings) {
    Tensor logits = normals(type, 3, -2, rows, width);
    Tensor uniforms = torch.rand(new long[] {rows});
    Tensor ids = Ops.of(new long[rows], rows).fill_(new Scalar(-1));
    Tensor out = gpu(ids);
    fused.tokenSampling().sample(gpu(logits), gpu(uniforms), settings, out);
    long[] drawn = Ops.toLongs(out);
    float[] scores = Ops.toFloats(logits);
    float[] draws = Ops.toFloats(uniforms);
    int undecided = 0;
    for (int r = 0; r < rows; r++) {
      float[] row = Arrays.copyOfRange(scores, r * width, (r + 1) * width);
      if (drawn[r] < 0 || drawn[r] >= width) {
        throw new AssertionError("row " + r + ": id " + drawn[r]);
      }
      Draw expected = draw(row, draws[r], settings);
      if (expected.id() != drawn[r]) {
        undecided++;
        expect(
            expected.margin() < 2e-6,
            String.format(
                Locale.ROOT,
                "row %d: id %d, expected %d, margin %.2g",
                r,
                drawn[r],
                expected.id(),
                expected.margin()));
      }
    }
    return undecided == 0 ? "identical" : undecided + " of " + rows + " within rounding";
  }

  private record Draw(int id, double margin) {}

  /**
   * The definition in double precision. The margin is the distance of the draw or a cut to a tie.
   */
  private static Draw draw(float[] logits, float uniform, SamplingSettings settings) {
    int n = logits.length;
    if (settings.topK() == 1) {
      int best = 0;
      for (int i = 1; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
      }
      return new Draw(best, 1);
    }
    float[] scores = new float[n];
    for (int i = 0; i < n; i++) {
      scores[i] = logits[i] / (float) settings.temperature();
    }
    Integer[] order = IntStream.range(0, n).boxed().toArray(Integer[]::new);
    Arrays.sort(
        order, Comparator.<Integer>comparingDouble(i -> scores[i]).thenComparingInt(i -> i));
    double[] weights = new double[n];
    double largest = scores[order[n - 1]];
    boolean cut = settings.topK() > 0 && settings.topK() < n;
    float kth = cut ? scores[order[n - settings.topK()]] : Float.NEGATIVE_INFINITY;
    double total = 0;
    for (int i = 0; i < n; i++) {
      weights[i] = scores[i] < kth ? 0 : Math.exp(scores[i] - largest);
      total += weights[i];
    }
    double margin = 1;
    if (settings.topP() < 1) {
      double cumulative = 0;
      double limit = (1 - settings.topP()) * total;
      for (int k = 0; k < n - 1; k++) {
        cumulative += weights[order[k]];
        margin = Math.min(margin, Math.abs(cumulative - limit) / total);
        if (cumulative <= limit) {
          weights[order[k]] = 0;
        }
      }
      total = Arrays.stream(weights).sum();
    }
    double cumulative = 0;
    double threshold = uniform * total;
    int id = -1;
    for (int i = 0; i < n; i++) {
      cumulative += weights[i];
      margin = Math.min(margin, Math.abs(cumulative - threshold) / total);
      if (id < 0 && weights[i] > 0 && cumulative > threshold) {
        id = i;
      }
    }
    return new Draw(id, margin);
  }

  // ---- image autoencoder ----

  private String groupNorm(ScalarType type, int[] s) {
    Tensor x = normals(type, 3, 1, s[0], s[1], s[2], s[3]);
    Tensor offset = normals(type, 1, 0, s[1]);
    Tensor weight = normals(type, 0.2, 1, s[1]);
    Tensor bias = normals(type, 1, 0, s[1]);
    GroupNorm.Affine affine = new GroupNorm.Affine(gpu(weight), gpu(bias), s[4], EPS);
    GroupNorm.Affine exact = new GroupNorm.Affine(f32(weight), f32(bias), s[4], EPS);
    Tensor image = gpu(Ops.channelsLast(x));
    poisonNext(type, s[0], s[1], s[2], s[3]);
    Tensor norm = fused.groupNorm().norm(image, null, affine);
    poisonNext(type, s[0], s[1], s[2], s[3]);
    Tensor silu = fused.groupNorm().normSilu(image, gpu(offset), affine);
    expect(norm.is_contiguous(MemoryFormat.ChannelsLast), "channels are not last");
    return "norm "
        + close(type, norm, aten.groupNorm().norm(f32(x), null, exact))
        + ", offset and silu "
        + close(type, silu, aten.groupNorm().normSilu(f32(x), f32(offset), exact));
  }

  /** Sums of squares without a shift would lose digits of the variance. */
  private String farFromZero(ScalarType type) {
    Tensor x = normals(type, 1, 60, 1, 32, 50, 60);
    Tensor one = normals(type, 0, 1, 32);
    GroupNorm.Affine affine = new GroupNorm.Affine(gpu(one), gpu(one), 4, EPS);
    GroupNorm.Affine exact = new GroupNorm.Affine(f64(one), f64(one), 4, EPS);
    Tensor out = fused.groupNorm().norm(gpu(Ops.channelsLast(x)), null, affine);
    return near(type, out, aten.groupNorm().norm(f64(x), null, exact));
  }

  private String imageAlone(ScalarType type) {
    Tensor x = gpu(Ops.channelsLast(normals(type, 1, 0.5, 3, 64, 50, 70)));
    Tensor vector = gpu(normals(type, 1, 0, 64));
    GroupNorm.Affine affine = new GroupNorm.Affine(vector, vector, 16, EPS);
    Tensor together = fused.groupNorm().normSilu(x, vector, affine);
    for (int i = 0; i < 3; i++) {
      Tensor alone =
          fused.groupNorm().normSilu(Ops.channelsLast(x.narrow(0, i, 1)), vector, affine);
      expect(
          Arrays.equals(Ops.toFloats(alone), Ops.toFloats(together.narrow(0, i, 1))),
          "image " + i + " differs from itself alone");
    }
    return "identical";
  }

  private String biasResidual(ScalarType type, int[] s) {
    Tensor x = normals(type, 3, 1, s[0], s[1], s[2], s[3]);
    Tensor residual = normals(type, 2, 0, s[0], s[1], s[2], s[3]);
    Tensor bias = normals(type, 1, 0, s[1]);
    Tensor out = gpu(Ops.channelsLast(x)).clone();
    fused.biasResidual().add(out, gpu(bias), gpu(Ops.channelsLast(residual)));
    Tensor expected = f32(x).clone();
    aten.biasResidual().add(expected, f32(bias), f32(residual));
    return close(type, out, expected);
  }

  private String upsampleNearest(ScalarType type, int[] s) {
    Tensor x = normals(type, 3, 1, s[0], s[1], s[2], s[3]);
    poisonNext(type, s[0], s[1], 2L * s[2], 2L * s[3]);
    Tensor out = fused.upsampleNearest().twice(gpu(Ops.channelsLast(x)));
    Tensor expected = aten.upsampleNearest().twice(f32(x));
    expect(Arrays.equals(Ops.toFloats(out), Ops.toFloats(expected)), "pixels differ");
    return "identical";
  }

  // ---- all ----

  private String emptyTensors() {
    for (ScalarType type : TYPES) {
      noPackedRows(type);
      noRows(type);
      noTokens(type);
      noImages(type);
    }
    torch.cuda_synchronize();
    return "";
  }

  /** The operations on the packed rows of a denoising step, with neither text nor image. */
  private void noPackedRows(ScalarType type) {
    Tensor rows = gpu(normals(type, 1, 0, 0, 64));
    Tensor two = gpu(normals(type, 1, 0, 2, 64));
    try (PackedLayouts none = layouts(new int[] {0, 0}, 0, 16)) {
      shape(fused.adaLayerNorm().apply(rows, two, two, none.gpu(), EPS, rows.clone()), 0, 64);
      shape(
          fused
              .gatedResidualAdaLayerNorm()
              .apply(rows, rows, two, two, two, none.gpu(), EPS, rows.clone()),
          0,
          64);
      Tensor heads = gpu(normals(type, 1, 0, 0, 4, 16));
      Tensor sequence = heads(heads);
      shape(fused.sequenceAttention().apply(sequence, sequence, sequence), 1, 4, 0, 16);
      KeyValueRows to = new KeyValueRows(heads, heads);
      fused
          .qkNormRotary()
          .apply(gpu(normals(type, 1, 0, 0, 192)), none.gpu(), EPS, heads, List.of(to, to));
      fused
          .guidedEulerStep()
          .apply(
              gpu(normals(ScalarType.Float, 1, 0, 16, 0, 0)),
              gpu(normals(type, 1, 0, 0, 64)),
              none.gpu(),
              2,
              gpu(Ops.of(new float[] {1, 1}, 2)));
    }
  }

  /** The operations on rows, with none. */
  private void noRows(ScalarType type) {
    Tensor rows = gpu(normals(type, 1, 0, 0, 64));
    Tensor weight = gpu(normals(type, 1, 0, 64));
    Tensor two = gpu(normals(type, 1, 0, 2, 64));
    shape(fused.rmsNormResidual().norm(rows, weight, EPS), 0, 64);
    shape(fused.rmsNormResidual().addThenNorm(rows, rows, weight, weight, EPS), 0, 64);
    shape(fused.siluMul().siluMul(rows), 0, 32);
    shape(fused.quantizeRows().quantize(rows).values(), 0, 64);
    shape(fused.quantizeRows().gelu(rows).scales(), 0, 1);
    shape(fused.quantizeRows().siluMul(rows).values(), 0, 32);
    Tensor heads = rows.view(0, 4, 16).to(ScalarType.Float8_e4m3fn);
    fused.fp8Attention().apply(heads, heads, heads, heads.clone());
    shape(
        fused
            .fp8Linear()
            .apply(
                fused.quantizeRows().quantize(rows),
                fused.quantizeRows().quantize(two),
                null,
                type),
        0,
        2);
    shape(
        fused
            .linearGelu()
            .apply(rows, gpu(normals(type, 1, 0, 24, 64)), gpu(normals(type, 1, 0, 24))),
        0,
        24);
  }

  /** The operations of a decoding step, without slots. */
  private void noTokens(ScalarType type) {
    Tensor cache = gpu(normals(type, 1, 0, 0, 9, 2, 16));
    Tensor noCells = gpu(Ops.of(new long[0], 0));
    Tensor noAngles = gpu(normals(ScalarType.Float, 1, 0, 0, 4));
    Tensor noTokens = gpu(normals(type, 1, 0, 0, 6 * 16));
    fused.rotaryCacheWrite().rotateAndWrite(noTokens, 2, noAngles, noAngles, noCells, cache, cache);
    shape(
        fused
            .decodeAttention()
            .attend(noTokens, 2, cache, cache, gpu(Ops.of(new int[0], 0).to(ScalarType.Int))),
        0,
        32);
    fused
        .tokenSampling()
        .sample(
            gpu(normals(type, 1, 0, 0, 100)),
            gpu(normals(ScalarType.Float, 1, 0, 0)),
            new SamplingSettings(1, 5, 0.9),
            noCells);
  }

  /** The operations on images, with none. */
  private void noImages(ScalarType type) {
    Tensor none = gpu(normals(type, 1, 0, 0, 64, 3, 2));
    Tensor vector = gpu(normals(type, 1, 0, 64));
    GroupNorm.Affine affine = new GroupNorm.Affine(vector, vector, 8, EPS);
    shape(fused.groupNorm().norm(none, null, affine), 0, 64, 3, 2);
    shape(fused.groupNorm().normSilu(none, vector, affine), 0, 64, 3, 2);
    fused.biasResidual().add(none, vector, none);
    shape(fused.upsampleNearest().twice(none), 0, 64, 6, 4);
  }

  private String graph() {
    int slots = 3;
    ScalarType type = ScalarType.BFloat16;
    Tensor x = gpu(normals(type, 1, 0, slots, 256));
    Tensor weight = gpu(normals(type, 0.2, 1, 256));
    Tensor counts = gpu(Ops.of(new int[] {2, 40, 300}, slots).to(ScalarType.Int));
    Tensor keys = gpu(normals(type, 1, 0, slots, 400, 1, 64));
    Tensor values = gpu(normals(type, 1, 0, slots, 400, 1, 64));
    Tensor result = poisoned(type, slots, 128);
    Runnable step =
        () -> {
          Tensor normed = fused.rmsNormResidual().norm(x, weight, EPS);
          result.copy_(fused.decodeAttention().attend(normed, 2, keys, values, counts));
        };
    try (CudaGraph graph = new CudaGraph("check", 0, step)) {
      expect(graph.recorded(), "was not recorded");
      for (int i = 0; i < 3; i++) {
        x.copy_(gpu(normals(type, 1, 0, slots, 256)));
        counts.copy_(gpu(Ops.of(new int[] {1 + i, 256 + i, 400 - i}, slots).to(ScalarType.Int)));
        result.fill_(new Scalar(Double.NaN));
        // Memory that is allocated between replays is not the graph's.
        Tensor noise = poisoned(type, 1 << 20);
        graph.replay();
        float[] replayed = Ops.toFloats(result);
        step.run();
        expect(Arrays.equals(replayed, Ops.toFloats(result)), "replay " + i + " differs");
        noise.close();
      }
    }
    return "identical";
  }

  private String unrecordable() {
    Tensor x = gpu(normals(ScalarType.Float, 1, 0, 8));
    int[] runs = new int[1];
    try (CudaGraph graph =
        new CudaGraph(
            "a read of the result",
            0,
            () -> {
              x.add_(new Scalar(1));
              Ops.toFloats(x);
              runs[0]++;
            })) {
      expect(!graph.recorded(), "was recorded");
      int before = runs[0];
      graph.replay();
      expect(runs[0] == before + 1, "replay did not run the work");
    }
    // The failed recording must not affect later calls.
    return rmsNorm(ScalarType.Float, 3, 40);
  }

  // ---- tools ----

  private record PackedLayouts(PackedLayout cpu, PackedLayout gpu) implements AutoCloseable {
    @Override
    public void close() {
      cpu.close();
      gpu.close();
    }
  }

  private PackedLayouts layouts(int[] text, int image, int headDim) {
    Tensor angles = normals(ScalarType.Float, 2, 0, image, headDim / 2);
    Tensor cos = angles.cos();
    Tensor sin = angles.sin();
    return new PackedLayouts(
        new PackedLayout(CPU, text, cos, sin), new PackedLayout(Compute.cuda(0), text, cos, sin));
  }

  /** Random numbers that {@code type} can hold, on the CPU. */
  private static Tensor normals(ScalarType type, double scale, double mean, long... shape) {
    return torch.randn(shape).mul_(new Scalar(scale)).add_(new Scalar(mean)).to(type);
  }

  private static Tensor gpu(Tensor t) {
    return t.to(new Device("cuda:0"), t.scalar_type(), false, true, new MemoryFormatOptional());
  }

  private static Tensor cpu(Tensor t) {
    return t.to(new Device("cpu"), t.scalar_type());
  }

  private static Tensor f64(Tensor t) {
    return t.to(ScalarType.Double);
  }

  private static Tensor f32(Tensor t) {
    return t.to(ScalarType.Float);
  }

  /** A tensor of NaN on the GPU; of e4m3's NaN for bytes. */
  private static Tensor poisoned(ScalarType type, long... shape) {
    Scalar nan = type == ScalarType.Byte ? new Scalar(0x7f) : new Scalar(Double.NaN);
    return torch
        .empty(shape, new Compute("cuda:0", type).options(), new MemoryFormatOptional())
        .fill_(nan);
  }

  /** Leaves NaN in the memory that the next tensor of this size gets from the allocator. */
  private static void poisonNext(ScalarType type, long... shape) {
    poisoned(type, shape).close();
  }

  private static void shape(Tensor actual, long... expected) {
    expect(
        Arrays.equals(Ops.shape(actual), expected),
        "shape " + Arrays.toString(Ops.shape(actual)) + ", expected " + Arrays.toString(expected));
  }

  private static void expect(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  /** Compares by element, allowing one rounding of the dtype and float32's own rounding. */
  private static String close(ScalarType type, Tensor actual, Tensor expected) {
    expect(
        Arrays.equals(Ops.shape(actual), Ops.shape(expected)),
        "shape " + Arrays.toString(Ops.shape(actual)));
    double relative = type == ScalarType.BFloat16 ? 0x1p-8 * 1.01 : 4e-6;
    double absolute = 6e-6;
    float[] a = Ops.toFloats(actual);
    float[] e = Ops.toFloats(expected);
    double worst = 0;
    for (int i = 0; i < a.length; i++) {
      if (Float.isNaN(e[i]) && Float.isNaN(a[i])) {
        continue;
      }
      double error = Math.abs((double) a[i] - e[i]);
      double allowed = absolute + relative * Math.abs(e[i]);
      if (!(error <= allowed)) {
        throw new AssertionError(
            String.format(
                Locale.ROOT,
                "element %d of %s is %.8g, expected %.8g",
                i,
                Arrays.toString(Ops.shape(actual)),
                a[i],
                e[i]));
      }
      worst = Math.max(worst, error / allowed);
    }
    return String.format(Locale.ROOT, "%.2f of what is allowed", worst);
  }

  /** Compares by norm, for results that include the rounding of a matrix product. */
  private static String near(ScalarType type, Tensor actual, Tensor expected) {
    return near(type, actual, expected, 8);
  }

  /**
   * As {@link #near}; single elements may be off by {@code outlier} times the bound of the norm.
   */
  private static String near(ScalarType type, Tensor actual, Tensor expected, double outlier) {
    expect(
        Arrays.equals(Ops.shape(actual), Ops.shape(expected)),
        "shape " + Arrays.toString(Ops.shape(actual)));
    double allowed = type == ScalarType.BFloat16 ? 5e-3 : 1e-5;
    float[] a = Ops.toFloats(actual);
    float[] e = Ops.toFloats(expected);
    double difference = 0;
    double size = 0;
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      difference += Math.pow((double) a[i] - e[i], 2);
      size += Math.pow(e[i], 2);
      largest = Math.max(largest, Math.abs((double) a[i] - e[i]));
    }
    double relative = Math.sqrt(difference / size);
    expect(
        relative <= allowed
            && largest <= outlier * allowed * Math.max(1, Math.sqrt(size / a.length)),
        String.format(Locale.ROOT, "relative error %.3g, largest %.3g", relative, largest));
    return String.format(Locale.ROOT, "relative error %.2g, largest %.2g", relative, largest);
  }
}
