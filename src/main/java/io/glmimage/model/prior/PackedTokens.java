package io.glmimage.model.prior;

import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * How the tokens of several sequences (prompts, or source images) lie in one tensor {@code [N, D]}:
 * one sequence after the other, then padding up to a whole number of chunks. Values of padding have
 * no meaning.
 *
 * <p>Products are computed chunk by chunk, and all chunks have the same size. Libraries sum in
 * another order if a product has another number of rows, and a sequence's values must not depend on
 * its neighbours. Attention is computed sequence by sequence.
 */
final class PackedTokens {
  /** Chunks of one pass, unless a single sequence has more. Limits the memory of activations. */
  private static final int CHUNKS_A_PASS = 8;

  private final int[] lengths;
  private final int[] offsets;
  private final int tokens;
  private final int chunk;
  private final int chunks;

  /**
   * @param lengths of the sequences
   * @param chunk tokens of a chunk; 0 for one chunk without padding
   */
  PackedTokens(int[] lengths, int chunk) {
    this.lengths = lengths.clone();
    offsets = new int[lengths.length];
    int next = 0;
    for (int i = 0; i < lengths.length; i++) {
      offsets[i] = next;
      next = Math.addExact(next, lengths[i]);
    }
    tokens = next;
    this.chunk = chunk == 0 ? tokens : chunk;
    chunks = tokens == 0 ? 1 : (tokens - 1) / this.chunk + 1;
    Math.multiplyExact(chunks, this.chunk);
  }

  /**
   * Distributes sequences over passes, in their order.
   *
   * @param chunk tokens of a chunk; 0 for a pass per sequence
   * @param most sequences of a pass
   */
  static <S> List<List<S>> passes(List<S> sequences, ToIntFunction<S> length, int chunk, int most) {
    List<List<S>> passes = new ArrayList<>();
    List<S> pass = new ArrayList<>();
    long tokens = 0;
    for (S sequence : sequences) {
      tokens += length.applyAsInt(sequence);
      if (!pass.isEmpty() && (tokens > (long) CHUNKS_A_PASS * chunk || pass.size() == most)) {
        passes.add(pass);
        pass = new ArrayList<>();
        tokens = length.applyAsInt(sequence);
      }
      pass.add(sequence);
    }
    if (!pass.isEmpty()) {
      passes.add(pass);
    }
    return passes;
  }

  /** The number of tokens of all sequences. */
  int tokens() {
    return tokens;
  }

  /** N: tokens and padding. */
  int rows() {
    return chunks * chunk;
  }

  /** The number of sequences. */
  int sequences() {
    return lengths.length;
  }

  int offset(int sequence) {
    return offsets[sequence];
  }

  int length(int sequence) {
    return lengths[sequence];
  }

  /** The last token of every sequence. */
  int[] lastTokens() {
    return IntStream.range(0, lengths.length).map(i -> offsets[i] + lengths[i] - 1).toArray();
  }

  /** Views of the chunks of {@code x [N, D]}. */
  List<Tensor> chunks(Tensor x) {
    return IntStream.range(0, chunks).mapToObj(i -> x.narrow(0, (long) i * chunk, chunk)).toList();
  }

  /**
   * Applies {@code work} to every chunk of {@code x}: {@code [N, D] -> [N, W]}, of the caller's
   * scope.
   *
   * @param work {@code [C, D] -> [C, W]}
   */
  Tensor byChunk(Tensor x, UnaryOperator<Tensor> work) {
    return byChunk(chunks(x), work);
  }

  /** As {@link #byChunk(Tensor, UnaryOperator)}, for chunks that are tensors of their own. */
  Tensor byChunk(List<Tensor> parts, UnaryOperator<Tensor> work) {
    if (chunks == 1) {
      return work.apply(parts.get(0));
    }
    int[] from = IntStream.range(0, chunks).map(i -> i * chunk).toArray();
    return assembled(from, parts, work);
  }

  /**
   * Applies {@code work} to every sequence of {@code x}: {@code [N, D] -> [N, W]}, of the caller's
   * scope.
   *
   * @param work {@code [L, D] -> [L, W]} for L tokens
   */
  Tensor bySequence(Tensor x, UnaryOperator<Tensor> work) {
    if (lengths.length == 1 && tokens == rows()) {
      return work.apply(x);
    }
    List<Tensor> parts =
        IntStream.range(0, lengths.length)
            .mapToObj(i -> x.narrow(0, offsets[i], lengths[i]))
            .toList();
    return assembled(offsets, parts, work);
  }

  /** The result for each part, from row {@code from} on. */
  private Tensor assembled(int[] from, List<Tensor> parts, UnaryOperator<Tensor> work) {
    try (TensorScope scope = new TensorScope()) {
      Tensor out = null;
      for (int i = 0; i < from.length; i++) {
        // Frees the result of a part before the next is computed.
        try (TensorScope partScope = new TensorScope()) {
          Tensor part = work.apply(parts.get(i));
          if (out == null) {
            out = partScope.keep(part.new_empty(rows(), part.size(1)));
          }
          out.narrow(0, from[i], part.size(0)).copy_(part);
        }
      }
      return scope.keep(out);
    }
  }
}
