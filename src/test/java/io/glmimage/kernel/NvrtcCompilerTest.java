package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Needs NVRTC (libnvrtc.so.13 on LD_LIBRARY_PATH, Maven profile gpu), but no GPU. */
class NvrtcCompilerTest {
  private NvrtcCompiler compiler;

  @BeforeEach
  void load() {
    try {
      compiler = NvrtcCompiler.load();
    } catch (CudaUnavailableException e) {
      abort("NVRTC is not here to compile kernels: " + e.getMessage());
    }
  }

  @Test
  void everyKernelCompilesForEveryTarget(@TempDir Path folder) throws Exception {
    KernelCache cache = new KernelCache(folder);
    List<String> targets =
        List.of(compiler.target(8, 0), compiler.target(9, 0), compiler.target(99, 9));
    assertEquals(List.of("sm_80", "sm_90"), targets.subList(0, 2));
    assertTrue(targets.get(2).startsWith("compute_"), targets.get(2));
    for (String target : targets) {
      for (String name : KernelText.names()) {
        byte[] code = CudaPrograms.code(name, compiler, cache, target);
        String start = new String(code, 0, 4, StandardCharsets.ISO_8859_1);
        assertEquals(target.startsWith("sm_"), start.equals("\u007fELF"), name);
        // The second call reads it from the cache.
        assertArrayEquals(code, CudaPrograms.code(name, compiler, cache, target));
      }
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals((long) KernelText.names().size() * targets.size(), files.count());
    }
  }

  @Test
  void errorsCarryTheCompilersLog() {
    KernelException e =
        assertThrows(
            KernelException.class,
            () ->
                compiler.compile(
                    "broken.cu", "int f() { return x; }", Map.of(), "sm_90", List.of()));
    assertTrue(e.getMessage().contains("Cannot compile kernel broken.cu for sm_90"));
    assertTrue(e.getMessage().contains("\"x\" is undefined"), e.getMessage());
  }

  @Test
  void gpusWithoutBfloat16AreRejected() {
    CudaUnavailableException e =
        assertThrows(CudaUnavailableException.class, () -> compiler.target(7, 5));
    assertTrue(e.getMessage().contains("compute capability 7.5"), e.getMessage());
  }
}
