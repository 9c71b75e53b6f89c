package io.glmimage.weights;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.HostBuffer;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.DataPtr;
import org.bytedeco.pytorch.Storage;
import org.bytedeco.pytorch.StorageImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Device memory in which the weights of several components take turns. The memory is as large as
 * the largest of them. Each component keeps its weights in host memory, from where they are copied
 * before the component is used: {@link Weights#activate}. Tensors keep their addresses, so recorded
 * CUDA graphs and views remain valid.
 *
 * <p>The components are loaded one after the other. After its load, a component moves to host
 * memory ({@link #add}) and leaves the device to the next one. {@link #start} allocates the shared
 * memory when all are loaded.
 *
 * <p>Copies run on the thread's current stream, after the work that reads the weights that they
 * replace. Not thread-safe: callers take turns, and use one stream.
 */
public final class WeightTurns implements AutoCloseable {
  /** The components that take turns; the others are small and used for every image. */
  public static final Set<String> COMPONENTS = Set.of("transformer", "vision_language_encoder");

  private static final Logger LOG = LoggerFactory.getLogger(WeightTurns.class);

  /** Libraries choose algorithms by the alignment of addresses. This is what libtorch gives. */
  private static final long ALIGNMENT = 512;

  private final Compute compute;
  private final List<Turn> turns = new ArrayList<>();
  private Runnable beforeEachTurn = () -> {};
  private Tensor device;
  private Turn active;
  private long switches;

  /** Turns on the device of {@code compute}. */
  public WeightTurns(Compute compute) {
    this.compute = compute;
  }

  /** One component's weights. */
  final class Turn {
    private final String component;
    private final Map<Storage, Long> offsets;
    private final HostBuffer host;
    private final long size;

    private Turn(String component, Map<Storage, Long> offsets, HostBuffer host, long size) {
      this.component = component;
      this.offsets = offsets;
      this.host = host;
      this.size = size;
    }

    /** Brings the weights to the device if others are there. */
    void activate() {
      if (active == this) {
        return;
      }
      if (device == null) {
        throw new IllegalStateException("Cannot use " + component + ": not all weights are loaded");
      }
      beforeEachTurn.run();
      // If the copy fails, the memory holds neither component.
      active = null;
      try (TensorScope scope = new TensorScope()) {
        device.narrow(0, 0, size).copy_(host.bytes(), /* non_blocking= */ true);
      }
      active = this;
      switches++;
      LOG.debug("The weights of {} are copied to {}", component, compute.device());
    }
  }

  /**
   * Runs before weights are replaced, for example to free what only the replaced component uses.
   */
  public void beforeEachTurn(Runnable work) {
    beforeEachTurn = work;
  }

  /**
   * Moves a component's weights to host memory, and frees them on the device. They cannot be used
   * until {@link #start}.
   *
   * @param tensors all of the component's tensors, each of a storage that no other component uses
   */
  Turn add(String component, List<Tensor> tensors) {
    Map<Storage, Long> offsets = new LinkedHashMap<>();
    long size = offsets(tensors, offsets);
    HostBuffer host = HostBuffer.allocate(compute, size);
    Turn turn = new Turn(component, offsets, host, size);
    turns.add(turn);
    try (TensorScope scope = new TensorScope()) {
      offsets.forEach(
          (storage, offset) -> {
            Tensor stored = Ops.empty(compute, ScalarType.Byte, 0).set_(storage);
            host.bytes().narrow(0, offset, stored.numel()).copy_(stored, /* non_blocking= */ true);
          });
      compute.awaitStream();
    }
    try (TensorScope scope = new TensorScope()) {
      offsets.keySet().forEach(storage -> storage.set_data_ptr_noswap(new DataPtr()));
    }
    compute.releaseCachedMemory();
    return turn;
  }

  /** Places each storage once. Views of a storage follow it. Returns the size of all. */
  private static long offsets(List<Tensor> tensors, Map<Storage, Long> offsets) {
    Map<Long, Storage> storages = new LinkedHashMap<>();
    for (Tensor tensor : tensors) {
      Storage storage = tensor.storage();
      try (StorageImpl impl = storage.unsafeGetStorageImpl()) {
        if (storage.nbytes() == 0 || storages.putIfAbsent(impl.address(), storage) != null) {
          storage.close();
        } else {
          storage.retainReference();
        }
      }
    }
    long size = 0;
    for (Storage storage : storages.values()) {
      offsets.put(storage, size);
      size += (storage.nbytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return size;
  }

  /** Allocates the shared memory, after all components were added. */
  public void start() {
    try (TensorScope scope = new TensorScope()) {
      long largest = turns.stream().mapToLong(turn -> turn.size).max().orElse(0);
      device = Ops.empty(compute, ScalarType.Byte, largest);
      device.retainReference();
      BytePointer begin = new BytePointer(device.data_ptr());
      for (Turn turn : turns) {
        turn.offsets.forEach(
            (storage, offset) ->
                storage.set_data_ptr_noswap(
                    new DataPtr(begin.getPointer(offset), compute.torchDevice())));
      }
    }
  }

  /** Bytes of the shared device memory; 0 before {@link #start}. */
  public long deviceBytes() {
    return device == null ? 0 : device.numel();
  }

  /** Bytes of host memory that hold the weights of all components. */
  public long hostBytes() {
    return turns.stream().mapToLong(turn -> turn.size).sum();
  }

  /** How often weights were brought to the device. */
  public long switches() {
    return switches;
  }

  /** Frees all memory. The components must be closed. */
  @Override
  public void close() {
    // The copy of the last turn may still read the host's memory.
    compute.awaitStream();
    active = null;
    for (Turn turn : turns) {
      turn.offsets.keySet().forEach(Storage::releaseReference);
      turn.offsets.clear();
      turn.host.close();
    }
    turns.clear();
    if (device != null) {
      device.releaseReference();
      device = null;
    }
  }
}
