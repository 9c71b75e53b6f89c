package io.glmimage.kernel;

import io.glmimage.error.DeviceException;
import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Every operation as one of our CUDA kernels where a call allows it, and as libtorch's operations
 * where it does not. The choice is made once a call, by emptiness, dtype, contiguity, widths,
 * alignment and device; each choice is logged once with its reason and kept for the report.
 *
 * <p>Safe for several threads. Nothing here waits for the GPU or allocates outside libtorch's
 * allocator, so all of it can be captured in a CUDA graph after {@link #prepare}.
 */
public final class CudaKernels implements KernelProvider {
  /** Elements of a row that a block of 1024 threads can hold, by dtype. */
  private static final long WIDEST_BF16 = 16384;

  private static final long WIDEST_FLOAT = 8192;

  /** What decode_attention.cu cuts a slot's tokens into. */
  static final int PIECE = 256;

  /** kParts of decode_attention.cu. */
  private static final int TENSOR_CORE_PARTS = 4;

  /** Sequences that qk_norm_rotary.cu takes in a launch. */
  private static final int SEQUENCES = 8;

  /**
   * Major times 10 plus minor: from here on cuDNN's attention is faster than libtorch's own
   * kernels.
   */
  private static final int CUDNN_CAPABILITY = 90;

  /** Major times 10 plus minor: the first whose matrix units take e4m3. */
  private static final int FP8_CAPABILITY = 89;

  private static final int WARP = 32;
  private static final int BLOCK = 256;
  private static final int[] SAMPLING_ITEMS = {4, 17, 24};
  private static final int SAMPLING_BLOCK = 1024;

  /** What libtorch asks of both widths of a product of e4m3. */
  private static final int ALIGNED_OPERANDS = 16;

  private final CudaPrograms programs;
  private final KernelChoices choices;
  private final AtenKernels aten = new AtenKernels();
  private final LinearGelu geluProduct;
  private final QuantizeRows quantizeRows = new FusedQuantizeRows();
  private Fp8Product fp8Product;
  private CudnnAttention cudnnAttention;
  private String cudnnProblem;

  /**
   * Starts compiling every kernel in the background.
   *
   * @param mode AUTO or FUSED
   * @param device the GPU's index
   * @param cacheFolder where compiled kernels are kept between runs
   * @throws CudaUnavailableException when our kernels cannot be had here; says why
   */
  public CudaKernels(KernelMode mode, int device, Path cacheFolder) {
    this(mode, new CudaPrograms(device, cacheFolder));
  }

  CudaKernels(KernelMode mode, CudaPrograms programs) {
    this.programs = programs;
    this.choices = new KernelChoices(mode);
    Libtorch.load();
    this.geluProduct = new GeluProduct();
  }

  /**
   * Finds out how this GPU multiplies e4m3, and says so in the log.
   *
   * @throws io.glmimage.error.DeviceException if it does not
   */
  void prepareFp8() {
    if (programs.computeCapability() < FP8_CAPABILITY) {
      throw new DeviceException(
          "Cannot compute in fp8 on cuda:"
              + programs.device()
              + ": fp8 needs compute capability 8.9 or newer, the GPU has "
              + programs.computeCapability() / 10
              + "."
              + programs.computeCapability() % 10
              + "; use --precision auto");
    }
    fp8Product();
  }

  /**
   * Waits until every kernel is compiled and loaded.
   *
   * @throws KernelException if one is not
   */
  void prepare() {
    programs.await();
  }

  @Override
  public List<KernelSelection> selections() {
    return choices.made();
  }

  // ---- prior decoder ----

  @Override
  public RmsNormResidual rmsNormResidual() {
    return new RmsNormResidual() {
      @Override
      public Tensor norm(Tensor x, Tensor weight, double eps) {
        KernelGuard guard = rows(x).activations(x, weight);
        if (!choices.fused(KernelOperation.RMS_NORM, guard)) {
          return aten.rmsNormResidual().norm(x, weight, eps);
        }
        Tensor out = torch.empty_like(x);
        rmsNorm("rms_norm_", guard, null, x, null, weight, eps, out);
        return out;
      }

      @Override
      public Tensor addThenNorm(
          Tensor residual, Tensor branch, Tensor branchWeight, Tensor nextWeight, double eps) {
        KernelGuard guard = rows(residual).activations(residual, branch, branchWeight, nextWeight);
        if (!choices.fused(KernelOperation.RMS_NORM_RESIDUAL, guard)) {
          return aten.rmsNormResidual()
              .addThenNorm(residual, branch, branchWeight, nextWeight, eps);
        }
        Tensor out = torch.empty_like(residual);
        rmsNorm("rms_norm_residual_", guard, residual, branch, branchWeight, nextWeight, eps, out);
        return out;
      }
    };
  }

  private void rmsNorm(
      String entry,
      KernelGuard guard,
      Tensor residual,
      Tensor branch,
      Tensor branchWeight,
      Tensor nextWeight,
      double eps,
      Tensor out) {
    launch("rms_norm_residual", entry + suffix(guard))
        .tensor(residual)
        .tensor(branch)
        .tensor(branchWeight)
        .tensor(nextWeight)
        .tensor(out)
        .int32(out.size(1))
        .float32(eps)
        .run(out.size(0), rowThreads(guard, out.size(1)));
  }

  @Override
  public RotaryCacheWrite rotaryCacheWrite() {
    return this::rotaryCacheWrite;
  }

  private void rotaryCacheWrite(
      Tensor qkv, int heads, Tensor cos, Tensor sin, Tensor cells, Tensor keys, Tensor values) {
    KernelGuard guard =
        new KernelGuard(qkv)
            .activations(qkv, keys, values)
            .tensors(ScalarType.Float, cos, sin)
            .tensors(ScalarType.Long, cells);
    if (!choices.fused(KernelOperation.ROTARY_CACHE_WRITE, guard)) {
      aten.rotaryCacheWrite().rotateAndWrite(qkv, heads, cos, sin, cells, keys, values);
      return;
    }
    long headDim = keys.size(3);
    long half = cos.size(1);
    int vector = vector(guard);
    int together = headDim % vector == 0 && half % vector == 0 ? vector : 1;
    launch("rotary_cache_write", "rotary_cache_write_" + suffix(guard) + "_" + together)
        .tensor(qkv)
        .tensor(cos)
        .tensor(sin)
        .tensor(cells)
        .tensor(keys)
        .tensor(values)
        .int32(heads)
        .int32(keys.size(2))
        .int32(headDim)
        .int32(half)
        .run(qkv.size(0), BLOCK);
  }

  @Override
  public DecodeAttention decodeAttention() {
    return this::decodeAttention;
  }

  private Tensor decodeAttention(Tensor qkv, int heads, Tensor keys, Tensor values, Tensor counts) {
    long kvHeads = keys.size(2);
    long headDim = keys.size(3);
    KernelGuard guard =
        new KernelGuard(qkv)
            .activations(qkv, keys, values)
            .tensors(ScalarType.Int, counts)
            .needs(
                headDim == 16 || headDim == 32 || headDim == 64 || headDim == 128,
                () -> "fused needs heads of 16, 32, 64 or 128, got " + headDim);
    if (!choices.fused(KernelOperation.DECODE_ATTENTION, guard)) {
      return aten.decodeAttention().attend(qkv, heads, keys, values, counts);
    }
    long slots = qkv.size(0);
    boolean tensorCore =
        guard.type() == ScalarType.BFloat16 && headDim >= 64 && heads / kvHeads <= 16;
    long pieces = tensorCore ? TENSOR_CORE_PARTS : (keys.size(1) + PIECE - 1) / PIECE;
    String suffix = (tensorCore ? "tensor_core_" : "") + suffix(guard);
    Tensor out = qkv.new_empty(slots, heads * headDim);
    try (Tensor partial =
        counts.new_empty(
            new long[] {slots * pieces * heads * (headDim + 2)},
            counts.options().dtype(new ScalarTypeOptional(ScalarType.Float)))) {
      long sums = partial.data_ptr().address();
      long weights = sums + slots * pieces * heads * headDim * Float.BYTES;
      decodeAttention(
              "decode_attention_" + suffix + "_" + headDim,
              qkv,
              heads,
              keys,
              values,
              counts,
              sums,
              weights,
              out,
              pieces)
          .run(pieces, kvHeads, slots, 4 * WARP);
      decodeAttention(
              "decode_attention_combine_" + suffix,
              qkv,
              heads,
              keys,
              values,
              counts,
              sums,
              weights,
              out,
              pieces)
          .run(heads, slots, 1, (int) headDim);
    }
    return out;
  }

  private CudaLaunch decodeAttention(
      String entry,
      Tensor qkv,
      int heads,
      Tensor keys,
      Tensor values,
      Tensor counts,
      long sums,
      long weights,
      Tensor out,
      long pieces) {
    return launch("decode_attention", entry)
        .tensor(qkv)
        .tensor(keys)
        .tensor(values)
        .tensor(counts)
        .address(sums)
        .address(weights)
        .tensor(out)
        .int32(keys.size(1))
        .int32(heads)
        .int32(keys.size(2))
        .int32(pieces)
        // Weights are powers of 2.
        .float32(1 / (Math.sqrt((double) keys.size(3)) * Math.log(2)));
  }

  @Override
  public SiluMul siluMul() {
    return this::siluMul;
  }

  private Tensor siluMul(Tensor gateUp) {
    long inner = gateUp.size(1) / 2;
    KernelGuard guard = new KernelGuard(gateUp).activations(gateUp).width(inner, Integer.MAX_VALUE);
    if (!choices.fused(KernelOperation.SILU_MUL, guard)) {
      return aten.siluMul().siluMul(gateUp);
    }
    long rows = gateUp.size(0);
    Tensor out = gateUp.new_empty(rows, inner);
    launch("silu_mul", "silu_mul_" + suffix(guard))
        .tensor(gateUp)
        .tensor(out)
        .int32(rows)
        .int32(inner)
        .run(blocks(inner / vector(guard)), Math.min(rows, MOST_BLOCKS_Y), 1, BLOCK);
    return out;
  }

  @Override
  public TokenSampling tokenSampling() {
    return this::tokenSampling;
  }

  private void tokenSampling(
      Tensor logits, Tensor uniforms, SamplingSettings settings, Tensor ids) {
    long width = logits.size(1);
    long widest = (long) SAMPLING_ITEMS[SAMPLING_ITEMS.length - 1] * SAMPLING_BLOCK;
    KernelGuard guard =
        new KernelGuard(logits)
            .activations(logits)
            .tensors(ScalarType.Float, uniforms)
            .tensors(ScalarType.Long, ids)
            .needs(width <= widest, () -> "fused needs at most " + widest + " ids, got " + width);
    if (!choices.fused(KernelOperation.TOKEN_SAMPLING, guard)) {
      aten.tokenSampling().sample(logits, uniforms, settings, ids);
      return;
    }
    int items = 0;
    for (int i = SAMPLING_ITEMS.length - 1; i >= 0; i--) {
      if (width <= (long) SAMPLING_ITEMS[i] * SAMPLING_BLOCK) {
        items = SAMPLING_ITEMS[i];
      }
    }
    launch("token_sampling", "token_sampling_" + suffix(guard) + "_" + items)
        .tensor(logits)
        .tensor(uniforms)
        .tensor(ids)
        .int32(width)
        .int32(Math.min(settings.topK(), width))
        .float32(settings.topK() == 1 ? 1 : settings.temperature())
        .float32(settings.topP() < 1 ? 1 - settings.topP() : -1)
        .run(logits.size(0), SAMPLING_BLOCK);
  }

  // ---- diffusion transformer ----

  @Override
  public AdaLayerNorm adaLayerNorm() {
    return this::adaLayerNorm;
  }

  private void adaLayerNorm(
      Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Rows out) {
    KernelGuard guard =
        result(rows(x).activations(x, scale, shift), out).tensors(ScalarType.Int, layout.rowKind());
    if (!choices.fused(KernelOperation.ADA_LAYER_NORM, guard)) {
      aten.adaLayerNorm().apply(x, scale, shift, layout, eps, out);
      return;
    }
    long perBlock = rowsPerBlock(x.size(0));
    launch("ada_layer_norm", "ada_layer_norm_" + suffix(guard, out))
        .tensor(x)
        .tensor(scale)
        .tensor(shift)
        .tensor(layout.rowKind())
        .tensor(out.values())
        .tensor(out.scales())
        .int32(x.size(0))
        .int32(x.size(1))
        .int32(perBlock)
        .float32(eps)
        .run(ceilDivide(x.size(0), perBlock), rowThreads(guard, x.size(1)));
  }

  @Override
  public GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm() {
    return this::gatedResidualAdaLayerNorm;
  }

  private void gatedResidualAdaLayerNorm(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Rows out) {
    KernelGuard guard =
        result(rows(residual).activations(residual, branch, gate, scale, shift), out)
            .tensors(ScalarType.Int, layout.rowKind());
    if (!choices.fused(KernelOperation.GATED_RESIDUAL_ADA_LAYER_NORM, guard)) {
      aten.gatedResidualAdaLayerNorm()
          .apply(residual, branch, gate, scale, shift, layout, eps, out);
      return;
    }
    long perBlock = rowsPerBlock(residual.size(0));
    launch("gated_residual_ada_layer_norm", "gated_residual_ada_layer_norm_" + suffix(guard, out))
        .tensor(residual)
        .tensor(branch)
        .tensor(gate)
        .tensor(scale)
        .tensor(shift)
        .tensor(layout.rowKind())
        .tensor(out.values())
        .tensor(out.scales())
        .int32(residual.size(0))
        .int32(residual.size(1))
        .int32(perBlock)
        .float32(eps)
        .run(ceilDivide(residual.size(0), perBlock), rowThreads(guard, residual.size(1)));
  }

  @Override
  public QkNormRotary qkNormRotary() {
    return this::qkNormRotary;
  }

  private void qkNormRotary(
      Tensor qkv, PackedLayout layout, double eps, Tensor query, List<KeyValueRows> destinations) {
    long headDim = query.size(2);
    KernelGuard guard =
        new KernelGuard(qkv)
            .activations(qkv, query)
            .tensors(ScalarType.Float, layout.cos(), layout.sin())
            .aligned(layout.cos(), layout.sin())
            .tensors(ScalarType.Int, layout.rotaryRow())
            .needs(
                headDim == 16 || headDim == 32 || headDim == 64 || headDim == 128,
                () -> "fused needs heads of 16, 32, 64 or 128, got " + headDim);
    for (KeyValueRows to : destinations) {
      guard.activations(to.key(), to.value());
    }
    if (!choices.fused(KernelOperation.QK_NORM_ROTARY, guard)) {
      aten.qkNormRotary().apply(qkv, layout, eps, query, destinations);
      return;
    }
    List<PackedLayout.Sequence> sequences = layout.sequences();
    for (int first = 0; first < sequences.size(); first += SEQUENCES) {
      int count = Math.min(SEQUENCES, sequences.size() - first);
      CudaLaunch launch =
          launch("qk_norm_rotary", "qk_norm_rotary_" + suffix(guard) + "_" + headDim)
              .tensor(qkv)
              .tensor(layout.rotaryRow())
              .tensor(layout.cos())
              .tensor(layout.sin())
              .tensor(query);
      for (int s = 0; s < SEQUENCES; s++) {
        launch.tensor(s < count ? destinations.get(first + s).key() : null);
      }
      for (int s = 0; s < SEQUENCES; s++) {
        launch.tensor(s < count ? destinations.get(first + s).value() : null);
      }
      PackedLayout.Sequence last = sequences.get(first + count - 1);
      int end = last.offset() + last.rows();
      for (int s = 0; s <= SEQUENCES; s++) {
        launch.int32(s < count ? sequences.get(first + s).offset() : end);
      }
      launch
          .int32(count)
          .int32(query.size(1))
          .float32(eps)
          .run(end - sequences.get(first).offset(), BLOCK);
    }
  }

  @Override
  public SequenceAttention sequenceAttention() {
    return this::sequenceAttention;
  }

  private Tensor sequenceAttention(Tensor query, Tensor key, Tensor value) {
    long headDim = query.size(3);
    KernelGuard guard =
        new KernelGuard(query, ScalarType.BFloat16)
            .views(query, key, value)
            .needs(
                headDim % 8 == 0 && headDim <= 128,
                () -> "cuDNN's needs heads of a multiple of 8 up to 128, got " + headDim);
    if (!guard.empty() && guard.reason() == null) {
      guard.needs(cudnnAttention() != null, () -> cudnnProblem);
    }
    return choices.preferred(KernelOperation.SEQUENCE_ATTENTION, guard)
        ? cudnnAttention().apply(query, key, value)
        : aten.sequenceAttention().apply(query, key, value);
  }

  /** Null where it cannot be used; why is in {@link #cudnnProblem}. */
  private synchronized CudnnAttention cudnnAttention() {
    if (cudnnAttention == null && cudnnProblem == null) {
      CudnnAttention candidate = new CudnnAttention();
      cudnnProblem =
          programs.computeCapability() < CUDNN_CAPABILITY
              ? "cuDNN's is taken from compute capability 9.0 on"
              : candidate.problem(programs.device());
      cudnnAttention = cudnnProblem == null ? candidate : null;
    }
    return cudnnAttention;
  }

  @Override
  public LinearGelu linearGelu() {
    return this::linearGelu;
  }

  private Tensor linearGelu(Tensor x, Tensor weight, Tensor bias) {
    KernelGuard guard =
        new KernelGuard(x).activations(x, weight, bias).width(weight.size(0), Integer.MAX_VALUE);
    if (!choices.fused(KernelOperation.LINEAR_GELU, guard)) {
      return aten.linearGelu().apply(x, weight, bias);
    }
    return guard.type() == ScalarType.BFloat16
        ? geluProduct.apply(x, weight, bias)
        : linearThenBiasGelu(x, weight, bias);
  }

  /** The product, then bias and gelu in one pass over it. */
  Tensor linearThenBiasGelu(Tensor x, Tensor weight, Tensor bias) {
    Tensor out = Ops.linear(x, weight, null);
    biasGelu(out, bias);
    return out;
  }

  /** {@code x = gelu(x + bias)}, in place. */
  void biasGelu(Tensor x, Tensor bias) {
    KernelGuard guard = new KernelGuard(x);
    long rows = x.size(0);
    long vectors = x.size(1) / vector(guard);
    // Enough blocks to fill the GPU several times, each with some rows to go down.
    long wanted = ceilDivide(8L * 4 * programs.multiprocessors(), blocks(vectors));
    launch("bias_gelu", "bias_gelu_" + suffix(guard))
        .tensor(x)
        .tensor(bias)
        .int32(rows)
        .int32(x.size(1))
        .run(
            blocks(vectors),
            Math.min(Math.min(wanted, ceilDivide(rows, 4)), MOST_BLOCKS_Y),
            1,
            BLOCK);
  }

  @Override
  public GuidedEulerStep guidedEulerStep() {
    return this::guidedEulerStep;
  }

  private void guidedEulerStep(
      Tensor latents, Tensor prediction, PackedLayout layout, int patch, Tensor deltaAndGuidance) {
    KernelGuard guard =
        new KernelGuard(prediction)
            .activations(prediction)
            .tensors(ScalarType.Float, latents, deltaAndGuidance);
    if (!choices.fused(KernelOperation.GUIDED_EULER_STEP, guard)) {
      aten.guidedEulerStep().apply(latents, prediction, layout, patch, deltaAndGuidance);
      return;
    }
    List<PackedLayout.Sequence> sequences = layout.sequences();
    long first = prediction.data_ptr().address();
    long rowBytes = prediction.size(1) * (guard.type() == ScalarType.Float ? 4 : 2);
    launch("guided_euler_step", "guided_euler_step_" + suffix(guard))
        .tensor(latents)
        .address(first + sequences.get(0).imageOffset() * rowBytes)
        .address(sequences.size() > 1 ? first + sequences.get(1).imageOffset() * rowBytes : 0)
        .tensor(deltaAndGuidance)
        .int32(latents.size(0))
        .int32(latents.size(1))
        .int32(latents.size(2))
        .int32(patch)
        .run(blocks(latents.numel()), BLOCK);
  }

  // ---- products in 8 bits ----

  @Override
  public QuantizeRows quantizeRows() {
    return quantizeRows;
  }

  /** One kernel text; the operation before the rounding is its entry's name. */
  private final class FusedQuantizeRows implements QuantizeRows {
    @Override
    public Rows quantize(Tensor x) {
      KernelGuard guard = rows(x).activations(x);
      return choices.fused(KernelOperation.QUANTIZE_ROWS, guard)
          ? launch("quantize_rows_", guard, x, x.size(1))
          : aten.quantizeRows().quantize(x);
    }

    @Override
    public Rows gelu(Tensor x) {
      KernelGuard guard = rows(x).activations(x);
      return choices.fused(KernelOperation.GELU_QUANTIZE_ROWS, guard)
          ? launch("gelu_quantize_rows_", guard, x, x.size(1))
          : aten.quantizeRows().gelu(x);
    }

    @Override
    public Rows siluMul(Tensor gateUp) {
      long inner = gateUp.size(1) / 2;
      KernelGuard guard = rows(gateUp, inner).activations(gateUp);
      return choices.fused(KernelOperation.SILU_MUL_QUANTIZE_ROWS, guard)
          ? launch("silu_mul_quantize_rows_", guard, gateUp, inner)
          : aten.quantizeRows().siluMul(gateUp);
    }

    private Rows launch(String entry, KernelGuard guard, Tensor x, long width) {
      Rows out =
          new Rows(
              x.new_empty(new long[] {x.size(0), width}, of(x, ScalarType.Float8_e4m3fn)),
              x.new_empty(new long[] {x.size(0), 1}, of(x, ScalarType.Float)));
      CudaKernels.this
          .launch("quantize_rows", entry + suffix(guard))
          .tensor(x)
          .tensor(out.values())
          .tensor(out.scales())
          .int32(width)
          .run(x.size(0), rowThreads(guard, width));
      return out;
    }
  }

  private static TensorOptions of(Tensor x, ScalarType type) {
    return x.options().dtype(new ScalarTypeOptional(type));
  }

  @Override
  public Fp8Linear fp8Linear() {
    return this::fp8Linear;
  }

  private Tensor fp8Linear(Rows x, Rows weight, Tensor bias, ScalarType type) {
    long inputs = weight.values().size(1);
    long outputs = weight.values().size(0);
    KernelGuard guard =
        new KernelGuard(x.values(), ScalarType.Float8_e4m3fn)
            .activations(x.values(), weight.values())
            .tensors(ScalarType.Float, x.scales(), weight.scales())
            .needs(type == ScalarType.BFloat16, () -> "fused gives bf16, float32 is wanted")
            .needs(
                inputs % ALIGNED_OPERANDS == 0 && outputs % ALIGNED_OPERANDS == 0,
                () ->
                    "fused needs widths that are multiples of "
                        + ALIGNED_OPERANDS
                        + ", got "
                        + inputs
                        + " and "
                        + outputs);
    if (bias != null) {
      guard.tensors(ScalarType.BFloat16, bias).aligned(bias);
    }
    if (!choices.fused(KernelOperation.FP8_LINEAR, guard)) {
      return aten.fp8Linear().apply(x, weight, bias, type);
    }
    Fp8Product product = fp8Product();
    if (product.scalesRows()) {
      return product.scaled(x, weight, bias);
    }
    Tensor out = product.unscaled(x, weight);
    scaleAndBias(out, x.scales(), weight.scales(), bias);
    return out;
  }

  /** Made at the first use: while a network is loaded, or at its first product. */
  private synchronized Fp8Product fp8Product() {
    if (fp8Product == null) {
      fp8Product = new Fp8Product(programs.device());
    }
    return fp8Product;
  }

  /** {@code x[t, n] = x[t, n] * rows[t] * columns[n] + bias[n]}, in place; the bias may be null. */
  void scaleAndBias(Tensor x, Tensor rows, Tensor columns, Tensor bias) {
    KernelGuard guard = new KernelGuard(x);
    long vectors = x.size(1) / vector(guard);
    launch("scale_bias", "scale_bias_" + suffix(guard))
        .tensor(x)
        .tensor(rows)
        .tensor(columns)
        .tensor(bias)
        .int32(x.size(0))
        .int32(x.size(1))
        .run(blocks(vectors), Math.min(x.size(0), MOST_BLOCKS_Y), 1, BLOCK);
  }

  // ---- geometry ----

  private static final long MOST_BLOCKS_Y = 65535;

  /** A guard for kernels whose blocks hold whole rows of {@code x [.., D]} in registers. */
  private static KernelGuard rows(Tensor x) {
    return rows(x, x.size(-1));
  }

  /** The same where the rows that are held are {@code width} wide. */
  private static KernelGuard rows(Tensor x, long width) {
    return new KernelGuard(x)
        .width(width, Ops.dtype(x) == ScalarType.Float ? WIDEST_FLOAT : WIDEST_BF16);
  }

  /** Adds to {@code guard} where a kernel's result goes. */
  private static KernelGuard result(KernelGuard guard, Rows out) {
    return out.quantized()
        ? guard
            .tensors(ScalarType.Float8_e4m3fn, out.values())
            .aligned(out.values())
            .tensors(ScalarType.Float, out.scales())
        : guard.activations(out.values());
  }

  private CudaLaunch launch(String program, String entry) {
    return CudaLaunch.of(programs.function(program, entry));
  }

  /** Two vectors a thread, whole warps. */
  private static int rowThreads(KernelGuard guard, long width) {
    long threads = ceilDivide(width, 2L * vector(guard));
    return (int) (ceilDivide(threads, WARP) * WARP);
  }

  /**
   * As many rows a block as leave four blocks a multiprocessor, so that none waits for a second
   * turn.
   */
  private long rowsPerBlock(long rows) {
    return ceilDivide(rows, 4L * programs.multiprocessors());
  }

  private static long blocks(long threads) {
    return ceilDivide(threads, BLOCK);
  }

  private static long ceilDivide(long a, long b) {
    return (a + b - 1) / b;
  }

  private static int vector(KernelGuard guard) {
    return guard.type() == ScalarType.Float ? 4 : 8;
  }

  private static String suffix(KernelGuard guard) {
    return guard.type() == ScalarType.Float ? "f32" : "bf16";
  }

  private static String suffix(KernelGuard guard, Rows out) {
    return suffix(guard) + (out.quantized() ? "_e4m3" : "");
  }
}
