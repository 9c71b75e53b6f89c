package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The weights of one component, loaded to a device and owned by this object until {@link #close}. A
 * network takes its tensors by name in its constructor, saying the shape it expects; {@link
 * #prefix} gives a view for a sub-module.
 */
public final class Weights implements AutoCloseable {
  private static final double RANDOM_DEVIATION = 0.02;

  private final Store store;
  private final String prefix;

  /** What all prefix views of a component share. */
  private static final class Store {
    final Path folder;
    final Compute compute;
    final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    final List<Tensor> loaded = new ArrayList<>();
    final TreeSet<String> unused = new TreeSet<>();
    final LoadMeter meter;
    ReadAhead ahead;
    boolean random;
    BiConsumer<String, long[]> asked;

    Store(Path folder, Compute compute, LoadMeter meter) {
      this.folder = folder;
      this.compute = compute;
      this.meter = meter;
    }

    /** A tensor has been taken, for the first time or again. */
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
   * @param meter is told of every tensor that is taken
   * @throws CheckpointException if neither is there, a shard is missing or damaged, or the index
   *     names a tensor that its shard lacks
   */
  static Weights open(Path folder, String stem, Compute compute, LoadMeter meter) {
    Store store = new Store(folder, compute, meter);
    Path single = folder.resolve(stem + ".safetensors");
    Path index = folder.resolve(stem + ".safetensors.index.json");
    if (Files.isRegularFile(single)) {
      SafetensorsFile file = SafetensorsFile.open(single);
      file.names().forEach(name -> store.files.put(name, file));
    } else if (Files.isRegularFile(index)) {
      openShards(store, index);
    } else {
      throw new CheckpointException(
          "Cannot load model: neither " + single + " nor " + index + " exists");
    }
    store.unused.addAll(store.files.keySet());
    List<ReadAhead.Range> ranges = new ArrayList<>();
    store.files.forEach((name, file) -> ranges.add(file.range(name)));
    store.ahead = ReadAhead.start(ranges);
    return new Weights(store, "");
  }

  /**
   * Weights of any name and shape that are asked for, normally distributed.
   *
   * @param asked is told of each
   */
  static Weights random(Path folder, Compute compute, BiConsumer<String, long[]> asked) {
    Store store = new Store(folder, compute, LoadMeter.NONE);
    store.asked = asked;
    store.random = true;
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
   * The same weights seen from inside a sub-module: {@code prefix("a.").get("b")} is {@code
   * get("a.b")}.
   */
  public Weights prefix(String more) {
    return new Weights(store, prefix + more);
  }

  /** Where these weights compute. */
  public Compute compute() {
    return store.compute;
  }

  public boolean has(String name) {
    return store.random || store.files.containsKey(prefix + name);
  }

  /**
   * The tensor {@code name} on the device, in the compute dtype (integers keep theirs). Owned by
   * these weights.
   *
   * @throws CheckpointException if there is no such tensor or its shape is another; names the file
   *     and the tensor
   */
  public Tensor get(String name, long... shape) {
    return owned(store.compute.dtype(), name, shape);
  }

  /**
   * As {@link #get(String, long...)}, in float32: for tables and norms that must not be rounded.
   */
  public Tensor getFloat(String name, long... shape) {
    return owned(ScalarType.Float, name, shape);
  }

  /**
   * As {@link #get(String, long...)}, but the tensor belongs to the caller's scope: for parts of a
   * tensor that is put together from several and then {@link #adopt adopted}.
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
    if (file == null) {
      throw new CheckpointException(
          "Cannot load model: " + store.folder + " has no tensor " + full);
    }
    long[] stored = file.shape(full);
    if (!Arrays.equals(stored, shape)) {
      throw new CheckpointException(
          "Cannot load model: "
              + file.file()
              + ": tensor "
              + full
              + " has shape "
              + Arrays.toString(stored)
              + ", the configuration asks for "
              + Arrays.toString(shape));
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor source =
          store.compute.isCuda() && file.bytes(full) > 0
              ? file.tensorOnGpu(full, store.compute)
              : file.tensor(full);
      boolean integral = !source.is_floating_point();
      Tensor t = Ops.to(source, store.compute, integral ? file.dtype(full) : dtype);
      return scope.keep(t.contiguous());
    } finally {
      store.taken(full, file.bytes(full));
    }
  }

  private Tensor randomTensor(ScalarType dtype, String name, long... shape) {
    store.asked.accept(prefix + name, shape);
    try (TensorScope scope = new TensorScope()) {
      Tensor t = torch.empty(shape, store.compute.options(dtype), new MemoryFormatOptional());
      // Scales of norms around 1, everything else small: activations stay finite in any depth.
      boolean norm = shape.length == 1 && name.contains("norm") && name.endsWith("weight");
      t.normal_(norm ? 1 : 0, RANDOM_DEVIATION, new GeneratorOptional());
      return scope.keep(t);
    }
  }

  /**
   * Makes a tensor that was computed from these weights (a fused projection, a table) live and die
   * with them.
   *
   * @return {@code derived}
   */
  public Tensor adopt(Tensor derived) {
    derived.retainReference();
    store.loaded.add(derived);
    return derived;
  }

  /**
   * The names of tensors below this prefix that nobody has asked for: a hint that the architecture
   * is another.
   */
  public List<String> unused() {
    return store.unused.stream().filter(n -> n.startsWith(prefix)).toList();
  }

  /** Frees all tensors of the component; views with a prefix share them. */
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
