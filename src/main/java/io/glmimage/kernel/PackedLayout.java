package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Maps the rows of a packed tensor {@code [T, D]} to tokens. The sequences of one edited image
 * follow each other, each as {@code [text | image]}. All have the same number of image tokens; a
 * text may be empty. Immutable. Made once per edited image and used by every layer of every step.
 *
 * <p>T rows, I image tokens of a sequence, d head dimension.
 */
public final class PackedLayout implements AutoCloseable {
  /** Row kinds, in the order in which modulation vectors are stored. */
  static final int IMAGE = 0;

  static final int TEXT = 1;

  private final List<Sequence> sequences;
  private final int rows;
  private final OwnedTensors owned = new OwnedTensors();
  private final Tensor rotaryRow;
  private final Tensor rowKind;
  private final Tensor cos;
  private final Tensor sin;

  // Read by the rotation in libtorch's operations, and made at its first call.
  private Tensor cosRows;
  private Tensor sinRows;

  /**
   * The rows of one sequence.
   *
   * @param offset its first row
   * @param textTokens the number of text rows, which come first
   * @param imageTokens the number of image rows
   */
  public record Sequence(int offset, int textTokens, int imageTokens) {
    /** The number of all its rows. */
    public int rows() {
      return textTokens + imageTokens;
    }

    /** Its first image row. */
    public int imageOffset() {
      return offset + textTokens;
    }
  }

  /**
   * @param compute the device
   * @param textTokens text rows of every sequence
   * @param cos cosines of the rotation angles {@code [I, d / 2]}, float32: row i is image token i
   * @param sin their sines
   */
  public PackedLayout(Compute compute, int[] textTokens, Tensor cos, Tensor sin) {
    int imageTokens = Math.toIntExact(cos.size(0));
    List<Sequence> list = new ArrayList<>();
    int offset = 0;
    for (int text : textTokens) {
      Sequence sequence = new Sequence(offset, text, imageTokens);
      list.add(sequence);
      offset = Math.addExact(offset, sequence.rows());
    }
    sequences = List.copyOf(list);
    rows = offset;
    int[] rotary = new int[rows];
    int[] kind = new int[rows];
    for (Sequence sequence : sequences) {
      for (int i = 0; i < sequence.rows(); i++) {
        int token = i - sequence.textTokens();
        rotary[sequence.offset() + i] = token < 0 ? -1 : token;
        kind[sequence.offset() + i] = token < 0 ? TEXT : IMAGE;
      }
    }
    try (TensorScope scope = new TensorScope()) {
      this.cos = owned.own(Ops.to(cos, compute, ScalarType.Float).contiguous());
      this.sin = owned.own(Ops.to(sin, compute, ScalarType.Float).contiguous());
      rotaryRow = owned.own(Ops.to(Ops.of(rotary, rows), compute, ScalarType.Int));
      rowKind = owned.own(Ops.to(Ops.of(kind, rows), compute, ScalarType.Int));
    }
  }

  /** The sequences in packed order. */
  public List<Sequence> sequences() {
    return sequences;
  }

  /** T. */
  public int rows() {
    return rows;
  }

  /** {@code [T]} int32: the row of {@link #cos} and {@link #sin}, or -1 for a text row. */
  public Tensor rotaryRow() {
    return rotaryRow;
  }

  /** {@code [T]} int32: the row's vector of the two of a modulation, 0 image, 1 text. */
  public Tensor rowKind() {
    return rowKind;
  }

  /** {@code [I, d / 2]} float32. */
  public Tensor cos() {
    return cos;
  }

  /** {@code [I, d / 2]} float32. */
  public Tensor sin() {
    return sin;
  }

  /** {@code [T, 1, 1, d]} float32: the cosines of every row, for both halves; 1 for a text row. */
  Tensor cosRows() {
    if (cosRows == null) {
      cosRows = everyRow(cos, cos, 1f);
    }
    return cosRows;
  }

  /** {@code [T, 1, 1, d]} float32: minus the sines, then the sines; 0 for a text row. */
  Tensor sinRows() {
    if (sinRows == null) {
      try (TensorScope scope = new TensorScope()) {
        sinRows = everyRow(sin.neg(), sin, 0f);
      }
    }
    return sinRows;
  }

  private Tensor everyRow(Tensor firstHalf, Tensor secondHalf, float text) {
    try (TensorScope scope = new TensorScope()) {
      Tensor both = Ops.cat(1, firstHalf, secondHalf); // [I, d / 2] x 2 -> [I, d]
      long width = both.size(1);
      List<Tensor> parts = new ArrayList<>();
      for (Sequence sequence : sequences) {
        Tensor plain = both.new_empty(sequence.textTokens(), width);
        parts.add(text == 0 ? plain.zero_() : plain.zero_().exp_());
        parts.add(both);
      }
      Tensor all = parts.isEmpty() ? both.new_empty(0, width) : Ops.cat(0, parts);
      // [T, d] -> [T, 1, 1, d]
      return owned.own(all.view(rows, 1, 1, width));
    }
  }

  @Override
  public void close() {
    owned.close();
  }
}
