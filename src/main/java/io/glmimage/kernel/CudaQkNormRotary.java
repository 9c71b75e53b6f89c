package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link QkNormRotary} as {@code qk_norm_rotary.cu}: a block takes one row. One launch takes a
 * limited number of sequences, since their destinations are part of its arguments.
 */
final class CudaQkNormRotary implements QkNormRotary {
  private static final int SEQUENCES = KernelConstants.integer("QK_SEQUENCES");

  private final QkNormRotary aten = new AtenQkNormRotary();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaQkNormRotary(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("qk_norm_rotary");
    this.choices = choices;
  }

  @Override
  public void apply(
      Tensor qkv,
      PackedLayout layout,
      double eps,
      double valueFactor,
      Tensor query,
      List<KeyValueRows> destinations) {
    long headDim = query.size(2);
    boolean e4m3 = Ops.dtype(query) == ScalarType.Float8_e4m3fn;
    KernelGuard guard = new KernelGuard(qkv).activations(qkv);
    // The dtype of what is written.
    ScalarType type = e4m3 ? ScalarType.Float8_e4m3fn : guard.type();
    guard
        .tensors(type, query)
        .aligned(query)
        .tensors(ScalarType.Float, layout.cos(), layout.sin())
        .aligned(layout.cos(), layout.sin())
        .tensors(ScalarType.Int, layout.rotaryRow())
        .headDim(headDim);
    for (KeyValueRows to : destinations) {
      guard.tensors(type, to.key(), to.value()).aligned(to.key(), to.value());
    }
    if (!choices.fused(KernelOperation.QK_NORM_ROTARY, guard)) {
      aten.apply(qkv, layout, eps, valueFactor, query, destinations);
      return;
    }
    List<PackedLayout.Sequence> sequences = layout.sequences();
    for (int first = 0; first < sequences.size(); first += SEQUENCES) {
      int count = Math.min(SEQUENCES, sequences.size() - first);
      CudaLaunch launch =
          program
              .launch("qk_norm_rotary_" + guard.suffix() + (e4m3 ? "_e4m3_" : "_") + headDim)
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
          .float32(QkNormRotary.factor(headDim))
          .float32(valueFactor)
          .run(end - sequences.get(first).offset(), KernelConstants.BLOCK_THREADS);
    }
  }
}
