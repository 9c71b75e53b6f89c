package io.glmimage.model.prior;

import io.glmimage.kernel.CudaGraph;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
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
  private final int batch;
  private final int chunk;
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

  /**
   * A row that enters a slot.
   *
   * @param prompt the ids {@code [P]}, with the sources' ids in place
   * @param uniforms the row's numbers {@code [M]} for its M generated tokens; P + M is at most C
   */
  record Entry(int slot, int[] prompt, RopePositions positions, Tensor uniforms) {
    /** Tokens that are read: the last one is drawn but never read. */
    int readTokens() {
      return prompt.length + newTokens() - 1;
    }

    int newTokens() {
      return Math.toIntExact(uniforms.size(0));
    }
  }

  /**
   * Empty slots.
   *
   * @param options batch and chunk of all products
   */
  DecodeSlots(
      TextConfig config,
      PriorDecoder decoder,
      TokenSampler sampler,
      Compute compute,
      PriorOptions options,
      int slots,
      int capacity) {
    batch = options.slots();
    chunk = options.chunk();
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
   * Puts rows into free slots: uploads everything that their steps need, runs their prompts, packed
   * into as few passes as {@link PackedTokens} allows, and draws their first tokens.
   */
  void admit(List<Entry> rows, RotaryTable rotary) {
    PackedTokens.passes(rows, row -> row.prompt().length, chunk, batch)
        .forEach(pass -> admitTogether(pass, rotary));
  }

  private void admitTogether(List<Entry> rows, RotaryTable rotary) {
    PackedTokens packed =
        new PackedTokens(rows.stream().mapToInt(row -> row.prompt().length).toArray(), chunk);
    try (TensorScope scope = new TensorScope()) {
      int[] promptIds = new int[packed.rows()];
      for (int i = 0; i < rows.size(); i++) {
        int[] prompt = rows.get(i).prompt();
        System.arraycopy(prompt, 0, promptIds, packed.offset(i), prompt.length);
      }
      writeTables(rows, rotary);
      Tensor drawn = Ops.zeros(compute.options(ScalarType.Long), rows.size());
      Tensor entered = upload(rows.stream().mapToInt(Entry::slot).toArray(), ScalarType.Long);
      Tensor lengthsNow =
          upload(rows.stream().mapToInt(r -> r.prompt().length).toArray(), ScalarType.Int);
      // [R]: the cells of the first drawn tokens.
      Tensor next = firstCells.index_select(0, entered).add(lengthsNow);

      Tensor hidden = prefill(rows, packed, upload(promptIds, ScalarType.Long));
      Tensor logits = decoder.codebookLogits(hidden).narrow(0, 0, rows.size());
      sampler.sample(logits, uniforms.index_select(0, next.sub(new Scalar(1L))), drawn);

      ids.index_copy_(0, entered, drawn);
      generated.index_copy_(0, next, drawn);
      lengths.index_copy_(0, entered, lengthsNow);
      active.index_fill_(0, entered, new Scalar(1));
    }
  }

  /** What belongs to the rows' cells: rotations and random numbers. */
  private void writeTables(List<Entry> rows, RotaryTable rotary) {
    // All is computed before the first upload, which waits for what the GPU was given before.
    List<RotaryTable.CosSin> tables =
        rows.stream().map(row -> rotary.at(row.positions(), 0, row.readTokens())).toList();
    Tensor allCos = Ops.cat(0, tables.stream().map(RotaryTable.CosSin::cos).toList());
    Tensor allSin = Ops.cat(0, tables.stream().map(RotaryTable.CosSin::sin).toList());
    Tensor allUniforms = Ops.cat(0, rows.stream().map(Entry::uniforms).toList());
    allCos = Ops.to(allCos, compute, ScalarType.Float);
    allSin = Ops.to(allSin, compute, ScalarType.Float);
    allUniforms = Ops.to(allUniforms, compute, ScalarType.Float);
    long read = 0;
    long drawn = 0;
    for (Entry row : rows) {
      long first = (long) row.slot() * capacity;
      int tokens = row.readTokens();
      cos.narrow(0, first, tokens).copy_(allCos.narrow(0, read, tokens));
      sin.narrow(0, first, tokens).copy_(allSin.narrow(0, read, tokens));
      read += tokens;
      int count = row.newTokens();
      uniforms
          .narrow(0, first + row.prompt().length - 1, count)
          .copy_(allUniforms.narrow(0, drawn, count));
      drawn += count;
    }
  }

  /**
   * Runs prompts into their slots' caches.
   *
   * @param promptIds {@code [N]}, packed
   * @return the hidden states of the prompts' last tokens: {@code [B, D]}, of which the first rows
   *     count
   */
  private Tensor prefill(List<Entry> rows, PackedTokens packed, Tensor promptIds) {
    try (TensorScope scope = new TensorScope()) {
      Tensor promptCells =
          Ops.cat(
              0,
              rows.stream()
                  .map(r -> cells.narrow(0, (long) r.slot() * capacity, r.prompt().length))
                  .toList());
      PriorDecoder.Place place =
          PriorDecoder.Place.ofPrompts(
              cos.index_select(0, promptCells),
              sin.index_select(0, promptCells),
              promptCells,
              packed);
      // Padded to the batch, whose size is the same for all products of single tokens.
      int[] last = Arrays.copyOf(packed.lastTokens(), batch);
      return scope.keep(decoder.prompts(promptIds, place, cache, upload(last, ScalarType.Long)));
    }
  }

  private Tensor upload(int[] values, ScalarType type) {
    return Ops.to(Ops.of(values, values.length), compute, type);
  }

  /** Reads the id of every slot and draws the next one. Does not wait for a GPU. */
  void step() {
    graph.replay();
  }

  private void advance() {
    try (TensorScope scope = new TensorScope()) {
      Tensor now = firstCells.add(lengths);
      Tensor logits = decoder.codebookLogits(hidden(now));
      sampler.sample(logits.narrow(0, 0, slots), uniforms.index_select(0, now), ids);
      generated.index_copy_(0, now.add(new Scalar(1L)), ids);
      lengths.add_(active);
    }
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
        PriorDecoder.Place.ofStep(
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
