package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Storage;
import org.bytedeco.pytorch.StorageImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The weights of one component, loaded to a device and owned by this object until {@link #close}. A
 * network's constructor takes tensors by name and states the expected shapes. {@link #prefix} gives
 * a view for a sub-module.
 */
public final class Weights implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Weights.class);
  private static final double RANDOM_DEVIATION = 0.02;

  private final Store store;
  private final String prefix;

  /** The state that all prefix views of a component share. */
  private static final class Store {
    final Path folder;
    final Compute compute;
    final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    final List<Tensor> loaded = new ArrayList<>();
    final TreeSet<String> unused = new TreeSet<>();
    final LoadMeter meter;
    BoundAdapters adapters = BoundAdapters.NONE;
    ReadAhead ahead;

    /** The memory that the component shares with others; null if the component stays on its own. */
    WeightTurns turns;

    /** Null until the component is loaded, and if it shares no memory. */
    WeightTurns.Turn turn;

    boolean random;
    BiConsumer<String, long[]> asked;

    /** Receives problems if only headers are read; null if tensors are loaded. */
    Consumer<CheckpointException> problems;

    Store(Path folder, Compute compute, LoadMeter meter) {
      this.folder = folder;
      this.compute = compute;
      this.meter = meter;
    }

    /** Records that a tensor has been taken, for the first time or again. */
    void taken(String name, long bytes) {
      unused.remove(name);
      meter.add(bytes);
      if (ahead != null) {
        ahead.taken(name);
        if (unused.isEmpty()) {
          ahead.close();
          ahead = null;
        }
      }
    }
  }

  private Weights(Store store, String prefix) {
    this.store = store;
    this.prefix = prefix;
  }

  /**
   * Opens {@code folder/stem.safetensors}, or the shards that {@code
   * folder/stem.safetensors.index.json} names.
   *
   * @param stem {@code "model"} or {@code "diffusion_pytorch_model"}
   * @param meter counts the bytes of every tensor that is taken
   * @param adapters change tensors when they are taken
   * @throws CheckpointException if neither file exists, a shard is missing or damaged, or the index
   *     names a tensor that its shard lacks
   */
  static Weights open(
      Path folder, String stem, Compute compute, LoadMeter meter, BoundAdapters adapters) {
    Store store = openStore(folder, stem, compute, meter);
    store.adapters = adapters;
    List<ReadAhead.Range> ranges = new ArrayList<>();
    store.files.forEach((name, file) -> ranges.add(file.range(name)));
    store.ahead = ReadAhead.start(ranges);
    return new Weights(store, "");
  }

  /**
   * The shapes of all tensors by name, from the headers of the files.
   *
   * @throws CheckpointException as {@link #open}
   */
  static Map<String, long[]> shapes(Path folder, String stem) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    openStore(folder, stem, Compute.cpu(), LoadMeter.NONE)
        .files
        .forEach((name, file) -> shapes.put(name, file.shape(name)));
    return shapes;
  }

  private static Store openStore(Path folder, String stem, Compute compute, LoadMeter meter) {
    Store store = new Store(folder, compute, meter);
    Path path = weightFile(folder, stem);
    if (path.toString().endsWith(".json")) {
      openShards(store, path);
    } else {
      SafetensorsFile file = SafetensorsFile.open(path);
      file.names().forEach(name -> store.files.put(name, file));
    }
    store.unused.addAll(store.files.keySet());
    return store;
  }

  /**
   * Normally distributed weights of any requested name and shape.
   *
   * @param asked receives the name and shape of each requested tensor
   */
  static Weights random(Path folder, Compute compute, BiConsumer<String, long[]> asked) {
    Store store = new Store(folder, compute, LoadMeter.NONE);
    store.asked = asked;
    store.random = true;
    return new Weights(store, "");
  }

  /** The weight file of a component, or the index of its shards. */
  private static Path weightFile(Path folder, String stem) {
    Path single = folder.resolve(stem + ".safetensors");
    Path index = folder.resolve(stem + ".safetensors.index.json");
    if (Files.isRegularFile(single)) {
      return single;
    }
    if (Files.isRegularFile(index)) {
      return index;
    }
    List<Path> variants = variants(folder, stem);
    if (variants.size() == 1) {
      return variants.get(0);
    }
    throw new CheckpointException(
        "Cannot load model: neither "
            + single
            + " nor "
            + index.getFileName()
            + " exists"
            + (variants.isEmpty()
                ? ""
                : "; there are several variants, keep one of "
                    + variants.stream()
                        .map(v -> v.getFileName().toString())
                        .collect(Collectors.joining(", "))));
  }

  /**
   * Weight files of a variant, such as {@code model.bf16.safetensors}, and index files of a
   * variant, such as {@code model.safetensors.index.bf16.json}.
   */
  private static List<Path> variants(Path folder, String stem) {
    Pattern name =
        Pattern.compile(
            Pattern.quote(stem) + "(\\.\\w+\\.safetensors|\\.safetensors\\.index\\.\\w+\\.json)");
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> name.matcher(file.getFileName().toString()).matches())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + folder + ": " + e, e);
    }
  }

  /**
   * As {@link #open}, but no tensor data is read: tensors have shapes but no values (libtorch's
   * device {@code meta}). A missing tensor or a wrong shape or dtype is reported, and loading
   * continues. One pass therefore finds every problem.
   *
   * @param compute on the device {@code meta}
   * @param problems receives one sentence for each problem, which names the file and the tensor
   * @throws CheckpointException if there are no files, or a header is damaged
   */
  static Weights openHeaders(
      Path folder, String stem, Compute compute, Consumer<CheckpointException> problems) {
    Store store = openStore(folder, stem, compute, LoadMeter.NONE);
    store.problems = problems;
    return new Weights(store, "");
  }

  private static void openShards(Store store, Path index) {
    ConfigFile map = ConfigFile.read(index).object("weight_map");
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    for (String name : map.keys()) {
      String shard = map.text(name);
      if (shard.contains("/") || shard.contains("\\") || shard.startsWith("..")) {
        throw new CheckpointException(
            "Cannot load model: " + index + " names a shard outside the folder: " + shard);
      }
      if (!Files.isRegularFile(store.folder.resolve(shard))) {
        throw new CheckpointException(
            "Cannot load model: " + index + " names the shard " + shard + ", which is missing");
      }
      SafetensorsFile file =
          shards.computeIfAbsent(shard, s -> SafetensorsFile.open(store.folder.resolve(s)));
      if (!file.has(name)) {
        throw new CheckpointException(
            "Cannot load model: "
                + index
                + " says that tensor "
                + name
                + " is in "
                + file.file()
                + ", but it is not");
      }
      store.files.put(name, file);
    }
  }

  /**
   * The same weights as seen by a sub-module: {@code prefix("a.").get("b")} is {@code get("a.b")}.
   */
  public Weights prefix(String more) {
    return new Weights(store, prefix + more);
  }

  /** The device and the dtype of computation. */
  public Compute compute() {
    return store.compute;
  }

  /**
   * The tensor {@code name} on the device, in the compute dtype. These weights own the tensor.
   *
   * @throws CheckpointException if the tensor is missing or has another shape; the message names
   *     the file and the tensor
   */
  public Tensor get(String name, long... shape) {
    return owned(store.compute.dtype(), name, shape);
  }

  /**
   * As {@link #get(String, long...)}, in float32, for tables and norms that must not be rounded.
   */
  public Tensor getFloat(String name, long... shape) {
    return owned(ScalarType.Float, name, shape);
  }

  /**
   * As {@link #get(String, long...)}, but the tensor belongs to the caller's scope. Use this method
   * for parts that are combined into one tensor, which is then {@link #adopt adopted}.
   */
  public Tensor read(String name, long... shape) {
    return read(store.compute.dtype(), name, shape);
  }

  /** As {@link #read(String, long...)}, in float32. */
  public Tensor readFloat(String name, long... shape) {
    return read(ScalarType.Float, name, shape);
  }

  private Tensor owned(ScalarType dtype, String name, long... shape) {
    try (TensorScope scope = new TensorScope()) {
      return adopt(read(dtype, name, shape));
    }
  }

  private Tensor read(ScalarType dtype, String name, long... shape) {
    if (store.random) {
      return randomTensor(dtype, name, shape);
    }
    String full = prefix + name;
    SafetensorsFile file = store.files.get(full);
    String problem = problem(file, full, shape);
    if (store.problems != null) {
      if (problem != null) {
        store.problems.accept(new CheckpointException("Cannot load model: " + problem));
      }
      store.unused.remove(full);
      return torch.empty(shape, store.compute.options(dtype), new MemoryFormatOptional());
    }
    if (problem != null) {
      throw new CheckpointException("Cannot load model: " + problem);
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor source =
          store.compute.isCuda() && file.bytes(full) > 0
              ? file.tensorOnGpu(full, store.compute)
              : file.tensor(full);
      String component = store.folder.getFileName().toString();
      if (store.adapters.change(component, full)) {
        source = store.adapters.merged(component, full, source, store.compute);
      }
      Tensor t = Ops.to(source, store.compute, dtype).contiguous();
      // On a CPU, t may be a view of the file, which cannot move.
      return scope.keep(store.turns != null && !store.compute.isCuda() ? t.clone() : t);
    } finally {
      store.taken(full, file.bytes(full));
    }
  }

  /** The reason why a tensor cannot be loaded, or null. */
  private String problem(SafetensorsFile file, String name, long[] shape) {
    if (file == null) {
      return store.folder + " has no tensor " + name;
    }
    if (!torch.isFloatingType(file.dtype(name))) {
      return file.file()
          + ": tensor "
          + name
          + " holds whole numbers ("
          + file.dtype(name)
          + "); quantized weights are not supported: use the published weights, and --precision fp8"
          + " to save memory";
    }
    if (!Arrays.equals(file.shape(name), shape)) {
      return file.file()
          + ": tensor "
          + name
          + " has shape "
          + Arrays.toString(file.shape(name))
          + ", the configuration requires "
          + Arrays.toString(shape);
    }
    return null;
  }

  private Tensor randomTensor(ScalarType dtype, String name, long... shape) {
    store.asked.accept(prefix + name, shape);
    try (TensorScope scope = new TensorScope()) {
      Tensor t = torch.empty(shape, store.compute.options(dtype), new MemoryFormatOptional());
      // Norm scales are near 1 and other values are small, so activations stay finite at any depth.
      boolean norm = shape.length == 1 && name.contains("norm") && name.endsWith("weight");
      if (store.compute.hasData()) {
        t.normal_(norm ? 1 : 0, RANDOM_DEVIATION, new GeneratorOptional());
      }
      return scope.keep(t);
    }
  }

  /**
   * Takes ownership of a tensor that was computed from these weights, such as a fused projection or
   * a table. The tensor is freed together with these weights.
   *
   * @return {@code derived}
   */
  public Tensor adopt(Tensor derived) {
    derived.retainReference();
    store.loaded.add(derived);
    return derived;
  }

  /** The same weights in memory that components share; null for memory of their own. */
  Weights inTurns(WeightTurns turns) {
    store.turns = turns;
    return this;
  }

  /**
   * Ends the load: the network has taken all tensors. If the component shares device memory with
   * others, its weights move to host memory now; the network cannot run before {@link #activate}.
   */
  public void loaded() {
    if (store.turns != null) {
      store.turn = store.turns.add(store.folder.getFileName().toString(), store.loaded);
    }
  }

  /**
   * Brings the weights to the device if the component shares device memory with others. A network
   * calls this before it uses its tensors.
   */
  public void activate() {
    if (store.turn != null) {
      store.turn.activate();
    }
  }

  /**
   * The names of tensors below this prefix that the network has not taken. Such tensors hint at a
   * different architecture.
   */
  public List<String> unused() {
    return store.unused.stream().filter(n -> n.startsWith(prefix)).toList();
  }

  /**
   * Logs the tensors that the network has not taken, as other loaders do. Such tensors are
   * harmless.
   */
  public void warnOfUnused() {
    List<String> unused = unused();
    if (!unused.isEmpty() && store.problems == null) {
      LOG.warn(
          "{} has {} tensors that the model does not use, such as {}",
          store.folder,
          unused.size(),
          unused.get(0));
    }
  }

  /** The content of the component's files, according to their headers. */
  Stored stored() {
    SortedMap<String, Long> parameters = new TreeMap<>();
    Set<Path> paths = new HashSet<>();
    long bytes = 0;
    for (Map.Entry<String, SafetensorsFile> tensor : store.files.entrySet()) {
      SafetensorsFile file = tensor.getValue();
      paths.add(file.file());
      bytes += file.bytes(tensor.getKey());
      parameters.merge(
          file.dtype(tensor.getKey()).name(),
          LongStream.of(file.shape(tensor.getKey())).reduce(1, (a, b) -> a * b),
          Long::sum);
    }
    return new Stored(paths.size(), store.files.size(), parameters, bytes, unused());
  }

  /** Bytes of the tensors that these weights own. Views of the same storage count once. */
  long ownedBytes() {
    Map<Long, Long> storages = new HashMap<>();
    for (Tensor tensor : store.loaded) {
      try (Storage storage = tensor.storage();
          StorageImpl impl = storage.unsafeGetStorageImpl()) {
        storages.put(impl.address(), storage.nbytes());
      }
    }
    return storages.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * The content of a component's files.
   *
   * @param files number of safetensors files
   * @param tensors number of tensors
   * @param parameters number of values for each stored dtype
   * @param bytes size of the tensor data
   * @param unused names of tensors that the network has not taken
   */
  public record Stored(
      int files,
      int tensors,
      SortedMap<String, Long> parameters,
      long bytes,
      List<String> unused) {}

  /** Frees all tensors of the component, including those taken through prefix views. */
  @Override
  public void close() {
    if (store.ahead != null) {
      store.ahead.close();
      store.ahead = null;
    }
    store.loaded.forEach(Tensor::releaseReference);
    store.loaded.clear();
  }
}
