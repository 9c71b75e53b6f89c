package io.glmimage.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Programs that record launches instead of running them, so that launch code runs on a CPU. */
final class RecordedPrograms implements KernelPrograms {
  static final int MULTIPROCESSORS = 2;

  /**
   * A launch.
   *
   * @param fields the kernel's structure, by the names in its text
   */
  record Launch(String entry, List<Long> grid, int threads, Map<String, Object> fields) {}

  private final TreeSet<String> names = new TreeSet<>();
  private final List<Launch> launches = new ArrayList<>();

  /** The programs that operations have asked for. */
  Set<String> names() {
    return names;
  }

  /** The launches since the last call, in order. */
  List<Launch> take() {
    List<Launch> taken = List.copyOf(launches);
    launches.clear();
    return taken;
  }

  @Override
  public Program program(String name) {
    names.add(name);
    KernelText text = KernelText.of(name);
    return entry -> CudaLaunch.of(new Recorded(entry, text));
  }

  private final class Recorded implements CudaLaunch.Kernel {
    private final String entry;
    private final KernelText text;

    Recorded(String entry, KernelText text) {
      this.entry = entry;
      this.text = text;
    }

    @Override
    public String name() {
      return entry;
    }

    @Override
    public int argumentBytes() {
      return text.bytes();
    }

    @Override
    public void launch(
        long blocksX, long blocksY, long blocksZ, int threads, CudaLaunch arguments) {
      launches.add(
          new Launch(
              entry,
              List.of(blocksX, blocksY, blocksZ),
              threads,
              text.read(arguments.structure())));
    }
  }

  @Override
  public int device() {
    return 0;
  }

  @Override
  public int computeCapability() {
    return 80;
  }

  @Override
  public int multiprocessors() {
    return MULTIPROCESSORS;
  }

  @Override
  public void await() {}

  /** The choices of a GPU: calls on CPU tensors go to the kernels that would take them on one. */
  static KernelChoices anyDevice() {
    return new KernelChoices(KernelMode.FUSED) {
      @Override
      String obstacle(KernelGuard guard) {
        return guard.reasonOnAnyDevice();
      }
    };
  }
}
