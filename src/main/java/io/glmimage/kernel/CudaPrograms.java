package io.glmimage.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.global.torch_cuda;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel programs of one GPU. Each is compiled in the background from when an operation asks
 * for it, and loaded into the GPU at its first launch. The first launch waits for the compilation,
 * so the implementation that runs, and with it the result, does not depend on timing.
 */
final class CudaPrograms implements KernelPrograms {
  private static final Logger LOG = LoggerFactory.getLogger(CudaPrograms.class);
  private static final List<String> HEADERS = List.of("common.cuh", "e4m3.cuh", "layer_norm.cuh");
  private static final List<String> OPTIONS = options();
  private static final int COMPILING_THREADS = 4;

  /** A variable of every program that has the size of its structure Args (common.cuh). */
  private static final String ARGS_SIZE = "argsSize";

  private final int device;
  private final int multiprocessors;
  private final int computeCapability;
  private final NvrtcCompiler compiler;
  private final String target;
  private final KernelCache cache;
  private final ExecutorService pool;
  private final Map<String, CudaProgram> programs = new ConcurrentHashMap<>();

  /**
   * Looks up the device.
   *
   * @param device the GPU's index
   * @param cacheFolder keeps compiled kernels between runs
   * @throws CudaUnavailableException if NVRTC is missing or cannot compile for the GPU
   */
  CudaPrograms(int device, Path cacheFolder) {
    this.device = device;
    try {
      Loader.load(cudart.class);
    } catch (LinkageError e) {
      throw new CudaUnavailableException(
          "Cannot load the CUDA binding: "
              + e.getMessage()
              + "; build with the Maven profile gpu and put libcudart.so.13 on LD_LIBRARY_PATH",
          e);
    }
    compiler = NvrtcCompiler.load();
    int major = attribute(cudart.cudaDevAttrComputeCapabilityMajor);
    int minor = attribute(cudart.cudaDevAttrComputeCapabilityMinor);
    computeCapability = 10 * major + minor;
    target = compiler.target(major, minor);
    multiprocessors = attribute(cudart.cudaDevAttrMultiProcessorCount);
    cache = new KernelCache(cacheFolder);
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            COMPILING_THREADS,
            COMPILING_THREADS,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              Thread thread = new Thread(work, "kernel-compiler");
              thread.setDaemon(true);
              return thread;
            });
    // Threads end when all programs are compiled.
    threads.allowCoreThreadTimeOut(true);
    pool = threads;
  }

  @Override
  public Program program(String name) {
    return programs.computeIfAbsent(name, CudaProgram::new);
  }

  /** The machine code of {@code kernels/NAME.cu}, from {@code cache} or compiled and kept there. */
  static byte[] code(String name, NvrtcCompiler compiler, KernelCache cache, String target) {
    String source = resource(name + ".cu");
    Map<String, String> headers = headers();
    String key =
        KernelCache.key(
            source,
            String.join("\n", headers.values()),
            String.join(" ", OPTIONS),
            target,
            compiler.version());
    return cache
        .read(key)
        .orElseGet(
            () -> {
              long start = System.nanoTime();
              byte[] code = compiler.compile(name + ".cu", source, headers, target, OPTIONS);
              LOG.info(
                  "Compiled kernel {} for {} with NVRTC {} in {} ms",
                  name,
                  target,
                  compiler.version(),
                  (System.nanoTime() - start) / 1_000_000);
              cache.write(key, code);
              return code;
            });
  }

  @Override
  public int multiprocessors() {
    return multiprocessors;
  }

  @Override
  public int computeCapability() {
    return computeCapability;
  }

  @Override
  public int device() {
    return device;
  }

  @Override
  public void await() {
    programs.values().forEach(CudaProgram::load);
  }

  /** One program: compiled from when it is made, loaded at its first launch. */
  private final class CudaProgram implements Program {
    private final String name;
    private final CompletableFuture<byte[]> compiled;
    private final Map<String, CudaFunction> functions = new ConcurrentHashMap<>();
    private CUmod_st module;
    private int argumentBytes;

    CudaProgram(String name) {
      this.name = name;
      compiled = CompletableFuture.supplyAsync(() -> code(name, compiler, cache, target), pool);
    }

    @Override
    public CudaLaunch launch(String entry) {
      CudaFunction known = functions.get(entry);
      return CudaLaunch.of(
          known != null ? known : functions.computeIfAbsent(entry, this::function));
    }

    private CudaFunction function(String entry) {
      CUmod_st loaded = load();
      CUfunc_st function = new CUfunc_st();
      function.retainReference();
      check(cudart.cuModuleGetFunction(function, loaded, entry), "find kernel " + entry);
      return new CudaFunction(entry, argumentBytes, device, function);
    }

    private synchronized CUmod_st load() {
      if (module != null) {
        return module;
      }
      byte[] code;
      try {
        code = compiled.join();
      } catch (CompletionException e) {
        if (e.getCause() instanceof KernelException cause) {
          throw cause;
        }
        throw e;
      }
      byte before = torch_cuda.ExchangeDevice((byte) device);
      try (PointerScope scope = new PointerScope()) {
        // Makes the device's context current to this thread, where nothing else has done so.
        check(cudart.cudaFree(new Pointer()), "use GPU " + device);
        CUmod_st loaded = new CUmod_st();
        loaded.retainReference();
        check(cudart.cuModuleLoadData(loaded, new BytePointer(code)), "load kernel " + name);
        SizeTPointer bytes = new SizeTPointer(1);
        check(
            cudart.cuModuleGetGlobal(new LongPointer(1), bytes, loaded, ARGS_SIZE),
            "find " + ARGS_SIZE + " in kernel " + name);
        argumentBytes = Math.toIntExact(bytes.get());
        module = loaded;
        return module;
      } finally {
        torch_cuda.ExchangeDevice(before);
      }
    }
  }

  private int attribute(int which) {
    int[] value = new int[1];
    int status = cudart.cudaDeviceGetAttribute(value, which, device);
    if (status != cudart.cudaSuccess) {
      throw new CudaUnavailableException(
          "Cannot use GPU "
              + device
              + ": "
              + cudart.cudaGetErrorString(status).getString()
              + " (CUDA error "
              + status
              + ")");
    }
    return value[0];
  }

  private static List<String> options() {
    List<String> options = new ArrayList<>(List.of("--std=c++17"));
    options.addAll(KernelConstants.defines());
    return List.copyOf(options);
  }

  private static Map<String, String> headers() {
    Map<String, String> headers = new LinkedHashMap<>();
    HEADERS.forEach(h -> headers.put(h, resource(h)));
    return headers;
  }

  private static String resource(String file) {
    try (InputStream in = CudaPrograms.class.getResourceAsStream("/kernels/" + file)) {
      if (in == null) {
        throw new IllegalStateException("Cannot find kernels/" + file + " on the class path");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read kernels/" + file, e);
    }
  }

  private static void check(int status, String doing) {
    if (status != cudart.CUDA_SUCCESS) {
      throw new KernelException("Cannot " + doing + ": " + CudaFunction.message(status));
    }
  }
}
