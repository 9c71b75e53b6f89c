package io.glmimage.kernel;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Ops;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Every operation composed of libtorch's own: on any device, in any floating dtype. What other
 * implementations are checked against, and what they fall back to.
 */
public final class AtenKernels implements KernelProvider {
  private final String reason;

  public AtenKernels() {
    this("libtorch's operations were asked for");
  }

  /**
   * @param reason why these are used, for the log and the report
   */
  AtenKernels(String reason) {
    this.reason = reason;
  }

  @Override
  public List<KernelSelection> selections() {
    return Arrays.stream(KernelOperation.values())
        .map(operation -> new KernelSelection(operation.toString(), false, reason))
        .sorted()
        .toList();
  }

  // ---- prior decoder ----

  @Override
  public RmsNormResidual rmsNormResidual() {
    return new AtenRmsNormResidual();
  }

  @Override
  public RotaryCacheWrite rotaryCacheWrite() {
    return new AtenRotaryCacheWrite();
  }

  @Override
  public DecodeAttention decodeAttention() {
    return new AtenDecodeAttention();
  }

  @Override
  public SiluMul siluMul() {
    return new AtenSiluMul();
  }

  @Override
  public TokenSampling tokenSampling() {
    return new AtenTokenSampling();
  }

  // ---- diffusion transformer ----

  @Override
  public AdaLayerNorm adaLayerNorm() {
    return AtenKernels::adaLayerNorm;
  }

  @Override
  public GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm() {
    return AtenKernels::gatedResidualAdaLayerNorm;
  }

  @Override
  public QkNormRotary qkNormRotary() {
    return AtenKernels::qkNormRotary;
  }

  @Override
  public SequenceAttention sequenceAttention() {
    return (query, key, value) -> Ops.attention(query, key, value, null, false, false);
  }

  @Override
  public LinearGelu linearGelu() {
    return AtenKernels::linearGelu;
  }

  @Override
  public GuidedEulerStep guidedEulerStep() {
    return AtenKernels::guidedEulerStep;
  }

  // ---- products in 8 bits ----

  @Override
  public QuantizeRows quantizeRows() {
    return new AtenQuantizeRows();
  }

  @Override
  public Fp8Linear fp8Linear() {
    return new AtenFp8Linear();
  }

  private static void adaLayerNorm(
      Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Rows out) {
    if (Ops.isEmpty(x)) {
      return;
    }
    Tensor normed = Ops.layerNorm(x, null, null, eps);
    Tensor shiftRows = shift.index_select(0, layout.rowKind());
    // n + n * scale + shift, without a tensor of 1 + scale.
    normed = normed.addcmul(normed, scale.index_select(0, layout.rowKind()));
    if (out.quantized()) {
      AtenQuantizeRows.quantize(normed.add_(shiftRows), out);
    } else {
      torch.add_out(out.values(), normed, shiftRows);
    }
  }

  private static void gatedResidualAdaLayerNorm(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Rows out) {
    if (Ops.isEmpty(residual)) {
      return;
    }
    residual.addcmul_(branch, gate.index_select(0, layout.rowKind()));
    adaLayerNorm(residual, scale, shift, layout, eps, out);
  }

  private static void qkNormRotary(
      Tensor qkv, PackedLayout layout, double eps, Tensor query, List<KeyValueRows> destinations) {
    if (Ops.isEmpty(qkv)) {
      return;
    }
    long heads = query.size(1);
    long headDim = query.size(2);
    // [T, 3 D] -> [T, 3, H, d]
    Tensor split = qkv.view(qkv.size(0), 3, heads, headDim);
    Tensor normed =
        Ops.layerNorm(split.narrow(1, 0, 2).to(ScalarType.Float), null, null, eps); // [T, 2, H, d]
    // Rolled by half a head, (a, b) is (b, a): times (-sin, sin) it is the second term of both.
    Tensor rotated =
        normed
            .mul(layout.cosRows())
            .addcmul_(normed.roll(new long[] {headDim / 2}, -1), layout.sinRows());
    query.copy_(rotated.select(1, 0));
    Tensor key = rotated.select(1, 1);
    Tensor value = split.select(1, 2);
    for (int s = 0; s < destinations.size(); s++) {
      PackedLayout.Sequence sequence = layout.sequences().get(s);
      KeyValueRows to = destinations.get(s);
      to.key().copy_(key.narrow(0, sequence.offset(), sequence.rows()));
      to.value().copy_(value.narrow(0, sequence.offset(), sequence.rows()));
    }
  }

  private static Tensor linearGelu(Tensor x, Tensor weight, Tensor bias) {
    if (Ops.isEmpty(x) || Ops.isEmpty(weight)) {
      return x.new_empty(x.size(0), weight.size(0));
    }
    return torch.gelu_(Ops.linear(x, weight, bias), "tanh");
  }

  private static void guidedEulerStep(
      Tensor latents, Tensor prediction, PackedLayout layout, int patch, Tensor deltaAndGuidance) {
    if (Ops.isEmpty(latents)) {
      return;
    }
    Tensor noise = noise(latents, prediction, layout.sequences().get(0), patch);
    if (layout.sequences().size() > 1) {
      Tensor unconditional = noise(latents, prediction, layout.sequences().get(1), patch);
      noise = unconditional.addcmul(noise.sub(unconditional), deltaAndGuidance.select(0, 1));
    }
    latents.addcmul_(noise, deltaAndGuidance.select(0, 0));
  }

  /** One sequence's prediction in the layout of the latents, {@code [C, h, w]} float32. */
  private static Tensor noise(
      Tensor latents, Tensor prediction, PackedLayout.Sequence sequence, int patch) {
    Tensor patches =
        prediction.narrow(0, sequence.imageOffset(), sequence.imageTokens()).to(ScalarType.Float);
    return Ops.fromPatches(patches, latents.size(1) / patch, latents.size(2) / patch, patch);
  }
}
