package io.glmimage.model.prior;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.NotFiniteException;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The autoregressive prior (the checkpoint's {@code vision_language_encoder}): turns source images
 * into codebook ids, and continues prompts with the ids of the image to draw.
 *
 * <p>Rows are decoded side by side in slots, see {@link SlotScheduler}. A row's ids depend only on
 * its own prompt and seed, not on its neighbours, their order or their number.
 *
 * <p>{@link #generate} keeps the key/value cache of its largest call until {@link #close}. Not
 * thread-safe: callers take turns.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageForConditionalGeneration (5.17.0), and the prior tokens of diffusers
 * src/diffusers/pipelines/glm_image/pipeline_glm_image.py (commit 58eb52c). Deviations: only
 * codebook ids are sampled, for exactly as many tokens as the grids have; the reference samples
 * from the whole vision vocabulary and fails after an early end token. Rows are never padded to a
 * common length.
 */
public final class PriorModel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PriorModel.class);

  /** Capacities of slots are multiples of this, so that the cache seldom has to grow. */
  private static final int CAPACITY_STEP = 256;

  private final Weights weights;
  private final TextConfig text;
  private final VisionConfig vision;
  private final VisionTower tower;
  private final VectorQuantizer quantizer;
  private final PriorDecoder decoder;
  private final TokenSampler sampler;
  private final RotaryTable rotary;
  private final int codebookSize;
  private final int imageToken;
  private final int imageStartToken;
  private final int imageEndToken;

  /** Rows that a decoding step multiplies, whatever the number of slots. */
  private final int batch;

  /** Most slots, at most the batch. */
  private final RowLimit rowsAtATime;

  /** Null until the first call, and after {@link #releaseCache}. */
  private DecodeSlots state;

  private PriorModel(
      CheckpointFolder folder,
      Weights weights,
      KernelProvider kernels,
      PriorOptions options,
      LongSupplier outside) {
    this.weights = weights;
    batch = options.slots();
    rowsAtATime = new RowLimit(batch, outside);
    ConfigFile config = folder.config("vision_language_encoder/config.json");
    text = TextConfig.read(config.objectOrEmpty("text_config"));
    vision = VisionConfig.read(config.objectOrEmpty("vision_config"));
    ConfigFile vq = config.objectOrEmpty("vq_config");
    codebookSize = vq.sizeOrWarn("num_embeddings", VectorQuantizer.CODES_DEFAULT);
    if (codebookSize > text.visionVocabulary()) {
      throw vq.error(
          "num_embeddings",
          codebookSize + " is above the vision vocabulary " + text.visionVocabulary());
    }
    imageToken = config.integer("image_token_id", 167_855);
    imageStartToken = config.integer("image_start_token_id", 16_384);
    imageEndToken = config.integer("image_end_token_id", 16_385);
    SamplingSettings sampling = options.sampling();
    if (sampling == null) {
      sampling = TokenSampler.settings(folder);
    }
    sampler = new TokenSampler(kernels.tokenSampling(), sampling);
    rotary = new RotaryTable(text.rotary());
    tower = new VisionTower(vision, weights);
    quantizer = new VectorQuantizer(vq, weights);
    decoder = new PriorDecoder(text, codebookSize, weights, kernels);
  }

  /**
   * Loads the model with {@link PriorOptions#defaults}.
   *
   * @throws CheckpointException if files are missing or damaged, or do not fit each other
   */
  public static PriorModel load(CheckpointFolder folder, Compute compute, KernelProvider kernels) {
    return load(folder, compute, kernels, PriorOptions.defaults(compute));
  }

  /**
   * Loads the model.
   *
   * @throws CheckpointException if files are missing or damaged, or do not fit each other
   */
  public static PriorModel load(
      CheckpointFolder folder, Compute compute, KernelProvider kernels, PriorOptions options) {
    return load(folder, compute, kernels, options, compute::memoryOutside);
  }

  /**
   * @param outside as {@link Compute#memoryOutside}
   */
  static PriorModel load(
      CheckpointFolder folder,
      Compute compute,
      KernelProvider kernels,
      PriorOptions options,
      LongSupplier outside) {
    Weights weights = folder.weights("vision_language_encoder", compute);
    try {
      PriorModel model = new PriorModel(folder, weights, kernels, options, outside);
      weights.loaded();
      return model;
    } catch (RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  /** The id that the model's configuration gives to a token of a source image. */
  public int imageTokenId() {
    return imageToken;
  }

  /** The id before the tokens of every image, from the model's configuration. */
  public int imageStartId() {
    return imageStartToken;
  }

  /** The id after the tokens of every image, from the model's configuration. */
  public int imageEndId() {
    return imageEndToken;
  }

  /** Number of different ids: ids are below this. */
  public int codebookSize() {
    return codebookSize;
  }

  /** Values per patch of {@link #sourceTokens}: channels * side * side. */
  public int patchValues() {
    return vision.patchValues();
  }

  /**
   * The codebook ids of one source image.
   *
   * @param pixelValues {@code [N, C p p]} (channels, rows and columns of a patch), the N patches in
   *     row-major order of the grid, normalised by the processor; on any device
   * @param grid the image's token grid, N = rows * columns
   * @return {@code [N]} in row-major order of the grid
   * @throws NotFiniteException if the features are not finite
   */
  public int[] sourceTokens(Tensor pixelValues, Grid grid) {
    long[] expected = {grid.size(), vision.patchValues()};
    if (!Arrays.equals(Ops.shape(pixelValues), expected)) {
      throw new IllegalArgumentException(
          "Cannot read a source image: its patches have shape "
              + Arrays.toString(Ops.shape(pixelValues))
              + ", a grid of "
              + grid.rows()
              + " x "
              + grid.columns()
              + " needs "
              + Arrays.toString(expected));
    }
    if (grid.size() == 0) {
      return new int[0];
    }
    weights.activate();
    try (TensorScope scope = new TensorScope()) {
      Tensor similarity = quantizer.similarity(tower.forward(pixelValues, grid));
      if (!Float.isFinite(Ops.toFloats(similarity.sum().reshape(1))[0])) {
        throw notFinite("reading a source image");
      }
      return Ops.toInts(VectorQuantizer.nearest(similarity));
    }
  }

  /**
   * Checks a prompt as {@link #generate} does, so that one bad row does not fail its batch.
   *
   * @throws InvalidRequestException if prompt, sources and grids do not fit each other
   */
  public void check(PriorPrompt prompt) {
    row(prompt);
  }

  /** Rows that are decoded at the same time. */
  public int slots() {
    return rowsAtATime.rows();
  }

  /**
   * Generates the ids of every row.
   *
   * <p>If the device runs out of memory, fewer rows are decoded at a time, down to one, until other
   * programs have given back memory. The ids stay the same.
   *
   * @return per row the ids of its last grid, {@code [rows * columns]}, before the 2x upsampling
   * @throws InvalidRequestException if a prompt does not fit its sources; see {@link #check}
   * @throws NotFiniteException if the logits of a row are not finite
   */
  public List<int[]> generate(List<PriorPrompt> prompts) {
    return generate(prompts, () -> {});
  }

  /**
   * As {@link #generate(List)}.
   *
   * @param afterStep runs after each decoding step of all slots has been started; for measurements
   */
  public List<int[]> generate(List<PriorPrompt> prompts, Runnable afterStep) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    weights.activate();
    if (rowsAtATime.restore()) {
      LOG.info(
          "Other programs have given back memory of {}: decoding up to {} rows at a time",
          weights.compute().device(),
          rowsAtATime.rows());
    }
    while (true) {
      List<Row> rows = prompts.stream().map(this::row).toList();
      try {
        return generateRows(rows, afterStep);
      } catch (RuntimeException e) {
        if (DeviceFailure.isDeviceError(e)) {
          // Freeing memory on a lost device would fail too and hide the cause.
          throw e;
        }
        // The slots hold rows that will not be continued.
        releaseCache();
        if (!DeviceFailure.isOutOfMemory(e) || !rowsAtATime.halve()) {
          throw e;
        }
        weights.compute().releaseCachedMemory();
        LOG.warn(
            "{} ran out of memory: decoding {} rows at a time from now on: {}",
            weights.compute().device(),
            rowsAtATime.rows(),
            firstLine(e));
      }
    }
  }

  private static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  /**
   * Decodes at most this many rows at a time, to save memory. The ids stay the same: the batch of a
   * decoding step keeps its size.
   */
  public void limitRows(int rows) {
    if (rows < 1) {
      throw new IllegalArgumentException("Invalid rows: " + rows + ", expected 1 or more");
    }
    rowsAtATime.limit(rows);
  }

  /** Frees the key/value cache; the next call allocates a new one. */
  public void releaseCache() {
    if (state != null) {
      state.close();
      state = null;
    }
  }

  private List<int[]> generateRows(List<Row> rows, Runnable afterStep) {
    try (TensorScope scope = new TensorScope()) {
      new SlotScheduler<>(new RowSlots(slots(rows)), (Row row) -> row.tokens).run(rows, afterStep);
      return read(rows);
    }
  }

  /** The slots as the scheduler sees them. */
  private final class RowSlots implements SlotScheduler.Slots<Row> {
    private final DecodeSlots slots;

    RowSlots(DecodeSlots slots) {
      this.slots = slots;
    }

    @Override
    public int count() {
      return slots.slots();
    }

    @Override
    public void admit(int slot, Row row) {
      try (TensorScope scope = new TensorScope()) {
        Tensor uniforms = sampler.uniforms(row.prompt.seed(), row.tokens);
        slots.admit(slot, row.ids, rotary, row.positions, uniforms);
      }
    }

    @Override
    public void step() {
      slots.step();
    }

    @Override
    public void leave(int slot, Row row) {
      int count = row.prompt.resultTokens();
      row.result = slots.generated(slot, row.ids.length, row.tokens - count, count);
      row.logitSum = slots.logitSum(slot);
      slots.release(slot);
    }
  }

  /**
   * Downloads the results of all rows at once.
   *
   * @throws NotFiniteException if ids were drawn from logits that are not finite
   */
  private static List<int[]> read(List<Row> rows) {
    float[] logitSums = Ops.toFloats(Ops.cat(0, rows.stream().map(r -> r.logitSum).toList()));
    for (int i = 0; i < logitSums.length; i++) {
      if (!Float.isFinite(logitSums[i])) {
        throw notFinite("generating the image tokens (seed " + rows.get(i).prompt.seed() + ")");
      }
    }
    int[] all = Ops.toInts(Ops.cat(0, rows.stream().map(r -> r.result).toList()));
    List<int[]> out = new ArrayList<>();
    int from = 0;
    for (Row row : rows) {
      int to = from + row.prompt.resultTokens();
      out.add(Arrays.copyOfRange(all, from, to));
      from = to;
    }
    return out;
  }

  private static NotFiniteException notFinite(String when) {
    return new NotFiniteException(
        "Cannot use the prior: its numbers are not finite after "
            + when
            + "; the checkpoint may be damaged (compare its files with their source), or use"
            + " --precision auto if it is fp8");
  }

  /** Number of values in the key/value cache for rows of {@code tokens} tokens. */
  public long cacheValues(int rows, int tokens) {
    return KvCache.values(text, rows, capacity(tokens));
  }

  private static int capacity(int tokens) {
    return Math.multiplyExact(Math.floorDiv(tokens - 1, CAPACITY_STEP) + 1, CAPACITY_STEP);
  }

  /** Slots that are large enough for every row, and as many as suit the number of rows. */
  private DecodeSlots slots(List<Row> rows) {
    int needed = rows.stream().mapToInt(r -> r.ids.length + r.tokens).max().orElseThrow();
    int capacity = capacity(Math.max(needed, state == null ? 0 : state.capacity()));
    int slots = suitableSlots(rows.size(), capacity);
    if (state == null || state.capacity() < capacity || state.slots() < slots) {
      releaseCache();
      state = newSlots(batch, slots, capacity);
    }
    return state;
  }

  /**
   * {@link PriorOptions#GPU_ROWS}, or all if more rows wait and their cache takes at most half of
   * the memory that is free without it.
   */
  private int suitableSlots(int rows, int capacity) {
    int most = rowsAtATime.rows();
    int few = Math.min(most, PriorOptions.GPU_ROWS);
    if (rows <= few || most == few) {
      return few;
    }
    OptionalLong free = weights.compute().freeDeviceMemory();
    long present = state == null ? 0 : cacheBytes(state.slots(), state.capacity());
    boolean fits = free.isEmpty() || cacheBytes(most, capacity) <= (free.getAsLong() + present) / 2;
    return fits ? most : few;
  }

  private long cacheBytes(int slots, int capacity) {
    return KvCache.values(text, slots, capacity)
        * (weights.compute().dtype() == ScalarType.Float ? Float.BYTES : Short.BYTES);
  }

  DecodeSlots newSlots(int batch, int slots, int capacity) {
    return new DecodeSlots(text, decoder, sampler, weights.compute(), batch, slots, capacity);
  }

  /** A checked prompt with everything that its slot needs. */
  private static final class Row {
    final PriorPrompt prompt;

    /** The prompt's ids with those of the sources in place. */
    final int[] ids;

    final RopePositions positions;

    /** Tokens to generate. */
    final int tokens;

    /** The ids of the last grid, on the device; null until the row is done. */
    Tensor result;

    /** As {@link DecodeSlots#logitSum}; null until the row is done. */
    Tensor logitSum;

    Row(PriorPrompt prompt, int[] ids, RopePositions positions) {
      this.prompt = prompt;
      this.ids = ids;
      this.positions = positions;
      this.tokens = prompt.newTokens();
    }
  }

  private Row row(PriorPrompt prompt) {
    if (prompt.decodeGrids().isEmpty() || prompt.resultTokens() == 0) {
      throw new InvalidRequestException("Cannot generate an image: its token grid is empty");
    }
    if (prompt.inputIds().length == 0) {
      throw new InvalidRequestException("Cannot generate an image: its prompt has no tokens");
    }
    return new Row(prompt, promptIds(prompt), positions(prompt));
  }

  RopePositions positions(PriorPrompt prompt) {
    return RopePositions.of(
        prompt.inputIds(),
        prompt.sourceGrids(),
        prompt.decodeGrids(),
        imageStartToken,
        imageToken,
        imageEndToken);
  }

  /** The prompt's ids with the sources' ids in place of the placeholders. */
  int[] promptIds(PriorPrompt prompt) {
    int[] ids = prompt.inputIds().clone();
    int[] sources = sourceIds(prompt);
    int next = 0;
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] == imageToken && next < sources.length) {
        ids[i] = sources[next++];
      }
      if (ids[i] < 0 || ids[i] >= text.vocabulary()) {
        throw new InvalidRequestException(
            "Cannot read the prompt: id "
                + ids[i]
                + " is outside the vocabulary of "
                + text.vocabulary()
                + "; tokenizer and model are not from the same checkpoint");
      }
    }
    return ids;
  }

  private int[] sourceIds(PriorPrompt prompt) {
    List<Grid> grids = prompt.sourceGrids();
    List<int[]> tokens = prompt.sourceTokens();
    if (grids.size() != tokens.size()) {
      throw new InvalidRequestException(
          "Cannot read the prompt: "
              + tokens.size()
              + " source image(s) have ids, "
              + grids.size()
              + " have a grid");
    }
    for (int i = 0; i < grids.size(); i++) {
      if (tokens.get(i).length != grids.get(i).size()) {
        throw new InvalidRequestException(
            "Cannot read the prompt: source image "
                + (i + 1)
                + " has "
                + tokens.get(i).length
                + " ids, its grid of "
                + grids.get(i).rows()
                + " x "
                + grids.get(i).columns()
                + " needs "
                + grids.get(i).size());
      }
    }
    return tokens.stream().flatMapToInt(Arrays::stream).toArray();
  }

  // The parts, for parity tests.

  VisionTower tower() {
    return tower;
  }

  VectorQuantizer quantizer() {
    return quantizer;
  }

  PriorDecoder decoder() {
    return decoder;
  }

  TokenSampler sampler() {
    return sampler;
  }

  RotaryTable rotary() {
    return rotary;
  }

  /** Frees the weights and the cache. */
  @Override
  public void close() {
    releaseCache();
    weights.close();
  }
}
