package io.glmimage.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch_cuda;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our kernels' texts, compiled in the background for one GPU from when this is made, and loaded
 * into it when first asked for. The first call of a kernel waits for its compilation, so that which
 * implementation runs, and with it the result, does not depend on time.
 */
final class CudaPrograms {
  /** Every kernel text: {@code kernels/NAME.cu} among the resources. */
  static final List<String> NAMES =
      List.of(
          "ada_layer_norm",
          "gated_residual_ada_layer_norm",
          "qk_norm_rotary",
          "bias_gelu",
          "guided_euler_step",
          "rms_norm_residual",
          "rotary_cache_write",
          "decode_attention",
          "silu_mul",
          "quantize_rows",
          "scale_bias",
          "token_sampling");

  private static final Logger LOG = LoggerFactory.getLogger(CudaPrograms.class);
  private static final List<String> HEADERS = List.of("common.cuh", "e4m3.cuh", "layer_norm.cuh");
  private static final List<String> OPTIONS = List.of("--std=c++17");
  private static final int COMPILING_THREADS = 4;

  private final int device;
  private final int multiprocessors;
  private final int computeCapability;
  private final Map<String, CompletableFuture<byte[]>> compiled = new ConcurrentHashMap<>();
  private final Map<String, CudaLaunch.Function> functions = new ConcurrentHashMap<>();
  private final Map<String, CUmod_st> modules = new ConcurrentHashMap<>();

  /**
   * Finds the device and starts compiling.
   *
   * @param device the GPU's index
   * @param cacheFolder where compiled kernels are kept
   * @throws CudaUnavailableException when there is no NVRTC, or it cannot compile for the GPU
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
    NvrtcCompiler compiler = NvrtcCompiler.load();
    int major = attribute(cudart.cudaDevAttrComputeCapabilityMajor);
    int minor = attribute(cudart.cudaDevAttrComputeCapabilityMinor);
    computeCapability = 10 * major + minor;
    String target = compiler.target(major, minor);
    multiprocessors = attribute(cudart.cudaDevAttrMultiProcessorCount);
    KernelCache cache = new KernelCache(cacheFolder);
    ExecutorService pool =
        Executors.newFixedThreadPool(
            COMPILING_THREADS,
            work -> {
              Thread thread = new Thread(work, "kernel-compiler");
              thread.setDaemon(true);
              return thread;
            });
    for (String name : NAMES) {
      compiled.put(
          name, CompletableFuture.supplyAsync(() -> code(name, compiler, cache, target), pool));
    }
    // Lets the threads end when the queue is empty.
    pool.shutdown();
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

  int multiprocessors() {
    return multiprocessors;
  }

  /** Major times 10 plus minor: 90 for Hopper. */
  int computeCapability() {
    return computeCapability;
  }

  int device() {
    return device;
  }

  /**
   * The kernel {@code entry} of {@code kernels/NAME.cu}, loaded into the device.
   *
   * @throws KernelException when the text does not compile or the driver does not take it
   */
  CudaLaunch.Function function(String name, String entry) {
    CudaLaunch.Function known = functions.get(entry);
    return known != null ? known : functions.computeIfAbsent(entry, e -> load(name, e));
  }

  /** Waits until everything is compiled and loaded: before a CUDA graph is captured, say. */
  void await() {
    NAMES.forEach(this::module);
  }

  private CudaLaunch.Function load(String name, String entry) {
    CUmod_st module = module(name);
    CUfunc_st function = new CUfunc_st();
    function.retainReference();
    check(cudart.cuModuleGetFunction(function, module, entry), "find kernel " + entry);
    return new CudaLaunch.Function(entry, device, function, module);
  }

  private CUmod_st module(String name) {
    return modules.computeIfAbsent(
        name,
        n -> {
          byte[] code;
          try {
            code = compiled.get(n).join();
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
            CUmod_st module = new CUmod_st();
            module.retainReference();
            check(cudart.cuModuleLoadData(module, new BytePointer(code)), "load kernel " + n);
            return module;
          } finally {
            torch_cuda.ExchangeDevice(before);
          }
        });
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
      throw new KernelException("Cannot " + doing + ": " + CudaLaunch.message(status));
    }
  }
}
