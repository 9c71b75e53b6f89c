package io.glmimage.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Compiles CUDA C++ with NVRTC: to machine code for an architecture that NVRTC knows, and to PTX of
 * its newest architecture for a newer GPU. Needs neither CUDA headers nor a GPU.
 *
 * <p>Safe for several threads, because NVRTC programs share nothing.
 */
final class NvrtcCompiler {
  private final String version;
  private final int[] architectures;

  private NvrtcCompiler(String version, int[] architectures) {
    this.version = version;
    this.architectures = architectures;
  }

  /**
   * Loads NVRTC.
   *
   * @throws CudaUnavailableException if the library or its Java binding is missing, with the
   *     loader's message
   */
  static NvrtcCompiler load() {
    try (PointerScope scope = new PointerScope()) {
      Loader.load(nvrtc.class);
      IntPointer major = new IntPointer(1);
      IntPointer minor = new IntPointer(1);
      check(nvrtc.nvrtcVersion(major, minor), "read the version of NVRTC");
      IntPointer count = new IntPointer(1);
      check(nvrtc.nvrtcGetNumSupportedArchs(count), "count the architectures of NVRTC");
      IntPointer archs = new IntPointer(count.get());
      check(nvrtc.nvrtcGetSupportedArchs(archs), "list the architectures of NVRTC");
      int[] known = new int[count.get()];
      archs.get(known);
      Arrays.sort(known);
      return new NvrtcCompiler(major.get() + "." + minor.get(), known);
    } catch (LinkageError e) {
      throw new CudaUnavailableException(
          "Cannot load NVRTC: "
              + e.getMessage()
              + "; put libnvrtc.so.13 on LD_LIBRARY_PATH and org.bytedeco:cuda (profile gpu) on the"
              + " class path",
          e);
    }
  }

  /** NVRTC's version, such as "13.0". */
  String version() {
    return version;
  }

  /**
   * The target for a GPU of compute capability {@code major.minor}. It is {@code sm_XX} if NVRTC
   * makes machine code for it. Otherwise it is the newest older {@code compute_XX}, which the
   * driver translates when it loads the kernel.
   *
   * @throws CudaUnavailableException for a GPU without bfloat16 arithmetic (before 8.0)
   */
  String target(int major, int minor) {
    int wanted = major * 10 + minor;
    if (wanted < 80) {
      throw new CudaUnavailableException(
          "Cannot compile kernels for compute capability "
              + major
              + "."
              + minor
              + ": they need 8.0 or newer");
    }
    if (Arrays.binarySearch(architectures, wanted) >= 0) {
      return "sm_" + wanted;
    }
    int newest = 0;
    for (int known : architectures) {
      if (known <= wanted) {
        newest = known;
      }
    }
    if (newest < 80) {
      throw new CudaUnavailableException(
          "Cannot compile kernels for compute capability "
              + major
              + "."
              + minor
              + ": NVRTC "
              + version
              + " knows "
              + Arrays.toString(architectures));
    }
    return "compute_" + newest;
  }

  /**
   * Compiles one source file.
   *
   * @param name the file's name, for messages
   * @param source its text
   * @param headers texts of the included files, by name
   * @param target as given by {@link #target}
   * @param options further options, such as {@code --use_fast_math}
   * @return a cubin for {@code sm_XX}; PTX text with a final zero byte for {@code compute_XX}
   * @throws KernelException with the compiler's log if the text does not compile
   */
  byte[] compile(
      String name,
      String source,
      Map<String, String> headers,
      String target,
      List<String> options) {
    try (PointerScope scope = new PointerScope()) {
      PointerPointer<BytePointer> texts = new PointerPointer<>(Math.max(1, headers.size()));
      PointerPointer<BytePointer> names = new PointerPointer<>(Math.max(1, headers.size()));
      int count = 0;
      for (Map.Entry<String, String> header : headers.entrySet()) {
        texts.put(count, utf8(header.getValue()));
        names.put(count, utf8(header.getKey()));
        count++;
      }
      // The binding returns the program through a pointer to it.
      PointerPointer<_nvrtcProgram> handle = new PointerPointer<>(1);
      BytePointer text = utf8(source);
      _nvrtcProgram program = new _nvrtcProgram();
      check(
          nvrtc.nvrtcCreateProgram(program, text, utf8(name), count, texts, names),
          "read kernel source " + name);
      handle.put(0, program);
      try {
        return build(program, name, target, options);
      } finally {
        nvrtc.nvrtcDestroyProgram(handle);
      }
    }
  }

  private byte[] build(_nvrtcProgram program, String name, String target, List<String> options) {
    PointerPointer<BytePointer> arguments = new PointerPointer<>(options.size() + 1L);
    arguments.put(0, utf8("--gpu-architecture=" + target));
    for (int i = 0; i < options.size(); i++) {
      arguments.put(i + 1L, utf8(options.get(i)));
    }
    int status = nvrtc.nvrtcCompileProgram(program, options.size() + 1, arguments);
    if (status != nvrtc.NVRTC_SUCCESS) {
      throw new KernelException(
          "Cannot compile kernel " + name + " for " + target + ": " + log(program));
    }
    SizeTPointer size = new SizeTPointer(1);
    boolean machineCode = target.startsWith("sm_");
    check(
        machineCode ? nvrtc.nvrtcGetCUBINSize(program, size) : nvrtc.nvrtcGetPTXSize(program, size),
        "read the compiled kernel " + name);
    BytePointer code = new BytePointer(size.get());
    check(
        machineCode ? nvrtc.nvrtcGetCUBIN(program, code) : nvrtc.nvrtcGetPTX(program, code),
        "read the compiled kernel " + name);
    byte[] out = new byte[Math.toIntExact(size.get())];
    code.get(out);
    return out;
  }

  private static String log(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    if (nvrtc.nvrtcGetProgramLogSize(program, size) != nvrtc.NVRTC_SUCCESS || size.get() < 2) {
      return "(the compiler wrote no log)";
    }
    BytePointer text = new BytePointer(size.get());
    if (nvrtc.nvrtcGetProgramLog(program, text) != nvrtc.NVRTC_SUCCESS) {
      return "(the compiler's log cannot be read)";
    }
    byte[] bytes = new byte[Math.toIntExact(size.get() - 1)];
    text.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static BytePointer utf8(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    BytePointer out = new BytePointer(bytes.length + 1L);
    out.put(bytes, 0, bytes.length);
    out.put(bytes.length, (byte) 0);
    return out;
  }

  private static void check(int status, String doing) {
    if (status != nvrtc.NVRTC_SUCCESS) {
      throw new KernelException(
          "Cannot " + doing + ": " + nvrtc.nvrtcGetErrorString(status).getString());
    }
  }
}
