package io.glmimage.tensor;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;

/** A process that takes free memory of a GPU, and gives it back when it ends. */
public final class GpuHog {
  private static final String HOLDING = "holding";
  private static final long SMALLEST = 1 << 20;

  private GpuHog() {}

  /**
   * Starts the process, and returns when it has the memory.
   *
   * @param left bytes that it leaves free
   * @param seconds after which it ends
   */
  public static Process start(int device, long left, int seconds) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                GpuHog.class.getName(),
                String.valueOf(device),
                String.valueOf(left),
                String.valueOf(seconds))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = out.readLine();
    if (line == null || !line.startsWith(HOLDING)) {
      throw new IOException("The other process took no memory: " + line);
    }
    System.err.println("Another process is " + line);
    return process;
  }

  public static void main(String[] args) throws InterruptedException {
    Libtorch.load();
    cudart.cudaSetDevice(Integer.parseInt(args[0]));
    long left = Long.parseLong(args[1]);
    long held = 0;
    // Ever smaller pieces, until no more is free.
    for (long piece = 1L << 30; piece >= SMALLEST; ) {
      try (PointerScope scope = new PointerScope()) {
        SizeTPointer free = new SizeTPointer(1);
        SizeTPointer total = new SizeTPointer(1);
        cudart.cudaMemGetInfo(free, total);
        if (free.get() - left < piece
            || cudart.cudaMalloc(new Pointer(), piece) != cudart.cudaSuccess) {
          cudart.cudaGetLastError();
          piece /= 2;
        } else {
          held += piece;
        }
      }
    }
    System.out.println(HOLDING + " " + (held >> 20) + " MiB");
    Thread.sleep(Long.parseLong(args[2]) * 1000);
  }
}
