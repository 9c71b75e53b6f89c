package io.glmimage.kernel;

import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link TokenSampling} from libtorch's sort and cumulative sum. */
final class AtenTokenSampling implements TokenSampling {
  private static final double MINUS_INFINITY = Double.NEGATIVE_INFINITY;

  @Override
  public void sample(Tensor logits, Tensor uniforms, SamplingSettings settings, Tensor ids) {
    if (logits.size(0) == 0) {
      return;
    }
    if (settings.topK() == 1) {
      ids.copy_(torch.argmax(logits, new LongOptional(1), /* keepdim= */ false));
      return;
    }
    Tensor cumulative = probabilities(logits, settings).cumsum(1);
    Tensor total = cumulative.narrow(1, cumulative.size(1) - 1, 1);
    Tensor threshold = uniforms.unsqueeze(1).mul(total);
    // u times the total can round up to the total; the last id with a probability is then drawn.
    Tensor before = cumulative.le(threshold).logical_and_(cumulative.lt(total));
    ids.copy_(before.sum(new long[] {1}, false, new ScalarTypeOptional(ScalarType.Long)));
  }

  /**
   * The distribution that ids are drawn from.
   *
   * @param logits [N, K]
   * @return [N, K] float32
   */
  static Tensor probabilities(Tensor logits, SamplingSettings settings) {
    long width = logits.size(1);
    Tensor scores = logits.to(ScalarType.Float);
    if (settings.temperature() != 1) {
      scores = torch.div(scores, new Scalar(settings.temperature()));
    }
    if (scores.numel() == 0) {
      return scores.clone();
    }
    if (settings.topK() > 0 && settings.topK() < width) {
      // Ids with the k-th largest logit stay, even if that makes more than k.
      Tensor kth =
          scores.topk(settings.topK(), 1, true, true).get0().narrow(1, settings.topK() - 1, 1);
      scores = scores.masked_fill(scores.lt(kth), new Scalar(MINUS_INFINITY));
    }
    if (settings.topP() < 1) {
      T_TensorTensor_T ascending =
          torch.sort(scores, new BoolOptional(/* stable */ true), 1, /* descending= */ false);
      Tensor leaves = ascending.get0().softmax(1).cumsum(1).le(new Scalar(1 - settings.topP()));
      // The most likely id always stays.
      leaves.narrow(1, width - 1, 1).zero_();
      scores =
          scores.masked_fill(
              leaves.scatter(1, ascending.get1(), leaves), new Scalar(MINUS_INFINITY));
    }
    return scores.softmax(1);
  }
}
