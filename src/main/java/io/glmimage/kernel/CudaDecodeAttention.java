package io.glmimage.kernel;

import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link DecodeAttention} as {@code decode_attention.cu}. One launch attends to pieces of every
 * slot, and a second one combines the pieces. Products in bf16 use tensor cores if heads are wide
 * enough.
 */
final class CudaDecodeAttention implements DecodeAttention {
  /** Tokens of a piece, without tensor cores. */
  private static final int CHUNK = KernelConstants.integer("DECODE_CHUNK");

  /** Pieces of a slot, with tensor cores. */
  private static final int PARTS = KernelConstants.integer("DECODE_PARTS");

  private static final int WARPS = KernelConstants.integer("DECODE_WARPS");

  private final DecodeAttention aten = new AtenDecodeAttention();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaDecodeAttention(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("decode_attention");
    this.choices = choices;
  }

  @Override
  public Tensor attend(Tensor qkv, int heads, Tensor keys, Tensor values, Tensor counts) {
    long kvHeads = keys.size(2);
    long headDim = keys.size(3);
    KernelGuard guard =
        new KernelGuard(qkv)
            .activations(qkv, keys, values)
            .tensors(ScalarType.Int, counts)
            .headDim(headDim);
    if (!choices.fused(KernelOperation.DECODE_ATTENTION, guard)) {
      return aten.attend(qkv, heads, keys, values, counts);
    }
    long slots = qkv.size(0);
    boolean tensorCore =
        guard.type() == ScalarType.BFloat16 && headDim >= 64 && heads / kvHeads <= 16;
    long pieces = tensorCore ? PARTS : LaunchGeometry.ceilDivide(keys.size(1), CHUNK);
    String suffix = (tensorCore ? "tensor_core_" : "") + guard.suffix();
    Tensor out = qkv.new_empty(slots, heads * headDim);
    // Sums [S, pieces, H, D], then weights [S, pieces, H, 2].
    try (Tensor partial =
        counts.new_empty(
            new long[] {slots * pieces * heads * (headDim + 2)},
            counts.options().dtype(new ScalarTypeOptional(ScalarType.Float)))) {
      long sums = partial.data_ptr().address();
      long weights = sums + slots * pieces * heads * headDim * Float.BYTES;
      arguments(
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
          .run(pieces, kvHeads, slots, WARPS * LaunchGeometry.WARP);
      arguments(
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

  private CudaLaunch arguments(
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
    return program
        .launch(entry)
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
        // The kernel computes powers of 2.
        .float32(1 / (Math.sqrt((double) keys.size(3)) * Math.log(2)));
  }
}
