package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link GuidedEulerStep} from libtorch's operations. */
final class AtenGuidedEulerStep implements GuidedEulerStep {
  @Override
  public void apply(
      Tensor latents,
      Tensor prediction,
      Tensor previous,
      PackedLayout layout,
      int patch,
      Tensor scalars) {
    if (Ops.isEmpty(latents)) {
      return;
    }
    Tensor noise = noise(latents, prediction, layout.sequences().get(0), patch);
    if (layout.sequences().size() > 1) {
      Tensor unconditional = noise(latents, prediction, layout.sequences().get(1), patch);
      noise = unconditional.addcmul(noise.sub(unconditional), scalars.select(0, 1));
    }
    Tensor direction =
        previous == null ? noise : noise.addcmul(noise.sub(previous), scalars.select(0, 2));
    latents.addcmul_(direction, scalars.select(0, 0));
    if (previous != null) {
      previous.copy_(noise);
    }
  }

  /** One sequence's prediction in the layout of the latents, {@code [C, h, w]} float32. */
  private static Tensor noise(
      Tensor latents, Tensor prediction, PackedLayout.Sequence sequence, int patch) {
    Tensor patches =
        prediction.narrow(0, sequence.imageOffset(), sequence.imageTokens()).to(ScalarType.Float);
    return Ops.fromPatches(patches, latents.size(1) / patch, latents.size(2) / patch, patch);
  }
}
