package io.glmimage.kernel;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link GuidedEulerStep} as {@code guided_euler_step.cu}: a thread updates one latent. */
final class CudaGuidedEulerStep implements GuidedEulerStep {
  private final GuidedEulerStep aten = new AtenGuidedEulerStep();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaGuidedEulerStep(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("guided_euler_step");
    this.choices = choices;
  }

  @Override
  public void apply(
      Tensor latents,
      Tensor prediction,
      Tensor previous,
      PackedLayout layout,
      int patch,
      Tensor scalars) {
    KernelGuard guard =
        new KernelGuard(prediction)
            .activations(prediction)
            .tensors(ScalarType.Float, latents, scalars);
    if (previous != null) {
      guard.tensors(ScalarType.Float, previous);
    }
    if (!choices.fused(KernelOperation.GUIDED_EULER_STEP, guard)) {
      aten.apply(latents, prediction, previous, layout, patch, scalars);
      return;
    }
    List<PackedLayout.Sequence> sequences = layout.sequences();
    long first = prediction.data_ptr().address();
    long rowBytes = prediction.size(1) * (guard.type() == ScalarType.Float ? 4 : 2);
    program
        .launch("guided_euler_step_" + guard.suffix())
        .tensor(latents)
        .address(first + sequences.get(0).imageOffset() * rowBytes)
        .address(sequences.size() > 1 ? first + sequences.get(1).imageOffset() * rowBytes : 0)
        .tensor(previous)
        .tensor(scalars)
        .int32(latents.size(0))
        .int32(latents.size(1))
        .int32(latents.size(2))
        .int32(patch)
        .run(LaunchGeometry.blocks(latents.numel()), KernelConstants.BLOCK_THREADS);
  }
}
