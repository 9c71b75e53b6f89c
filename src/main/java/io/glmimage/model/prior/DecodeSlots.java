package io.glmimage.model.prior;

import io.glmimage.kernel.CudaGraph;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The state of S rows that are decoded side by side, each with its own length. All state is on the
 * device at fixed addresses. So a decoding step needs no data from the host and can be replayed as
 * a CUDA graph.
 *
 * <p>S slots, C capacity (tokens that a slot can hold), R/2 rotary frequencies. Everything that
 * belongs to a row is indexed by cell, {@code slot * C + position}. Rows have no padding inside, so
 * a token's position in the cache is its index in the row. An unused slot has length 0 and is
 * computed as a padding row.
 *
 * <p>A step always multiplies a batch of B rows, at least S. Libraries sum in another order if the
 * batch has another size. A row's ids must not depend on how many rows wait, or on how much memory
 * was left for slots.
 */
final class DecodeSlots implements AutoCloseable {
  private final PriorDecoder decoder;
  private final TokenSampler sampler;
  private final Compute compute;
  private final int slots;
  private final int capacity;
  private final KvCache cache;
  private final OwnedTensors owned = new OwnedTensors();
  private final CudaGraph graph;

  /** {@code [B]} int64: the id that each slot reads next, then padding. */
  private final Tensor batchIds;

  /** {@code [S]} int64: the slots' part of {@link #batchIds}. */
  private final Tensor ids;

  /** {@code [S]} int32: tokens in the cache. */
  private final Tensor lengths;

  /** {@code [S]} int32: 1 if the slot has a row, else 0. */
  private final Tensor active;

  /** {@code [S]} int64: the first cell of each slot. */
  private final Tensor firstCells;

  /** {@code [S * C]} int64: 0, 1, 2 ... */
  private final Tensor cells;

  /** {@code [S * C, R/2]} float32. */
  private final Tensor cos;

  /** {@code [S * C, R/2]} float32. */
  private final Tensor sin;

  /** {@code [S * C]} float32: the number that draws the token after this one. */
  private final Tensor uniforms;

  /** {@code [S * C]} int64: the generated ids, each at the cell that it is read into. */
  private final Tensor generated;

  /** {@code [S]} float32: the sum of all logits of each slot's row. */
  private final Tensor logitSums;

  DecodeSlots(
      TextConfig config,
      PriorDecoder decoder,
      TokenSampler sampler,
      Compute compute,
      int batch,
      int slots,
      int capacity) {
    this.decoder = decoder;
    this.sampler = sampler;
    this.compute = compute;
    this.slots = slots;
    this.capacity = capacity;
    long all = Math.multiplyExact(slots, capacity);
    long frequencies = config.rotary().width() / 2;
    cache = new KvCache(config, compute, slots, capacity);
    try (TensorScope scope = new TensorScope()) {
      batchIds = zeros(ScalarType.Long, batch);
      ids = owned.own(batchIds.narrow(0, 0, slots));
      lengths = zeros(ScalarType.Int, slots);
      active = zeros(ScalarType.Int, slots);
      cells = owned.own(torch.arange(new Scalar(all), compute.options(ScalarType.Long)));
      firstCells =
          owned.own(
              torch.arange(
                  new Scalar(0L),
                  new Scalar(all),
                  new Scalar((long) capacity),
                  compute.options(ScalarType.Long)));
      cos = zeros(ScalarType.Float, all, frequencies);
      sin = zeros(ScalarType.Float, all, frequencies);
      uniforms = zeros(ScalarType.Float, all);
      generated = zeros(ScalarType.Long, all);
      logitSums = zeros(ScalarType.Float, slots);
      // Captured while no slot has a row: capturing runs the step, which then changes nothing that
      // is used.
      graph = new CudaGraph("the prior's decoding step", compute.gpuIndex(), this::advance);
    } catch (RuntimeException e) {
      // Probably out of device memory: free what was allocated.
      freeTensors();
      throw e;
    }
  }

  private void freeTensors() {
    cache.close();
    owned.close();
  }

  private Tensor zeros(ScalarType type, long... shape) {
    return owned.own(Ops.zeros(compute.options(type), shape));
  }

  int capacity() {
    return capacity;
  }

  /**
   * Puts a row into a free slot. Uploads everything that its steps need, runs its prompt (alone, at
   * its own length) and draws its first token.
   *
   * @param prompt the ids {@code [P]}, with the sources' ids in place
   * @param uniforms the row's numbers {@code [M]} for its M generated tokens; P + M is at most C
   */
  void admit(int slot, int[] prompt, RotaryTable rotary, RopePositions positions, Tensor uniforms) {
    int length = prompt.length;
    int tokens = Math.toIntExact(uniforms.size(0));
    long first = (long) slot * capacity;
    try (TensorScope scope = new TensorScope()) {
      // The last token is drawn but never read.
      int read = length + tokens - 1;
      RotaryTable.CosSin table = rotary.at(positions, 0, read);
      cos.narrow(0, first, read).copy_(table.cos());
      sin.narrow(0, first, read).copy_(table.sin());
      this.uniforms.narrow(0, first + length - 1, tokens).copy_(uniforms);
      Tensor hidden = prefill(slot, prompt);
      Tensor id = ids.narrow(0, slot, 1);
      Tensor logits = decoder.codebookLogits(hidden);
      sampler.sample(logits, this.uniforms.narrow(0, first + length - 1, 1), id);
      logitSums.narrow(0, slot, 1).copy_(sums(logits));
      generated.narrow(0, first + length, 1).copy_(id);
      lengths.narrow(0, slot, 1).fill_(new Scalar(length));
      active.narrow(0, slot, 1).fill_(new Scalar(1));
    }
  }

  /** Runs a prompt into the slot's cache and returns the last token's hidden state, [1, D]. */
  private Tensor prefill(int slot, int[] prompt) {
    try (TensorScope scope = new TensorScope()) {
      long first = (long) slot * capacity;
      int length = prompt.length;
      PriorDecoder.Place place =
          new PriorDecoder.Place(
              cos.narrow(0, first, length),
              sin.narrow(0, first, length),
              cells.narrow(0, first, length),
              null);
      Tensor promptIds = Ops.to(Ops.of(prompt, length), compute, ScalarType.Long);
      return scope.keep(decoder.prompt(promptIds, place, cache));
    }
  }

  /** Reads the id of every slot and draws the next one. Does not wait for a GPU. */
  void step() {
    graph.replay();
  }

  private void advance() {
    try (TensorScope scope = new TensorScope()) {
      Tensor now = firstCells.add(lengths);
      Tensor logits = decoder.codebookLogits(hidden(now)).narrow(0, 0, slots);
      sampler.sample(logits, uniforms.index_select(0, now), ids);
      logitSums.add_(sums(logits));
      generated.index_copy_(0, now.add(new Scalar(1L)), ids);
      lengths.add_(active);
    }
  }

  /** {@code [N, K] -> [N]} float32 */
  private static Tensor sums(Tensor logits) {
    return logits.sum(new long[] {1}, false, new ScalarTypeOptional(ScalarType.Float));
  }

  /**
   * Reads the given ids {@code [S]} instead of drawn ones and returns the hidden states {@code [S,
   * D]}. For parity tests, which compare with a known continuation.
   */
  Tensor stepForced(Tensor forced) {
    try (TensorScope scope = new TensorScope()) {
      ids.copy_(forced);
      Tensor hidden = hidden(firstCells.add(lengths));
      lengths.add_(active);
      return scope.keep(hidden.narrow(0, 0, slots));
    }
  }

  /**
   * The hidden states of one step, {@code [B, D]}.
   *
   * @param now {@code [S]}: the cells of the tokens that are read
   */
  private Tensor hidden(Tensor now) {
    PriorDecoder.Place place =
        new PriorDecoder.Place(
            cos.index_select(0, now), sin.index_select(0, now), now, lengths.add(new Scalar(1)));
    return decoder.step(batchIds, place, cache);
  }

  /**
   * The generated ids of a slot from token {@code from}, {@code [count]} int64 on the device; a
   * copy, of the caller's scope.
   */
  Tensor generated(int slot, int promptLength, int from, int count) {
    try (TensorScope scope = new TensorScope()) {
      long first = (long) slot * capacity + promptLength + from;
      return scope.keep(generated.narrow(0, first, count).clone());
    }
  }

  /**
   * The sum of all logits that a slot's ids were drawn from, {@code [1]} float32 on the device: it
   * is finite only if they are. A copy, of the caller's scope.
   */
  Tensor logitSum(int slot) {
    try (TensorScope scope = new TensorScope()) {
      return scope.keep(logitSums.narrow(0, slot, 1).clone());
    }
  }

  /** Frees a slot for another row. */
  void release(int slot) {
    try (TensorScope scope = new TensorScope()) {
      lengths.narrow(0, slot, 1).zero_();
      active.narrow(0, slot, 1).zero_();
    }
  }

  int slots() {
    return slots;
  }

  @Override
  public void close() {
    graph.close();
    freeTensors();
  }
}
