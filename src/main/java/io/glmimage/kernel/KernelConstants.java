package io.glmimage.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;

/**
 * Numbers that the kernels share with the code that launches them. {@code
 * kernels/constants.properties} is the only place that has them: Java reads them here, and the
 * kernels are compiled with {@code -DNAME=VALUE}.
 */
final class KernelConstants {
  private static final String FILE = "/kernels/constants.properties";
  private static final Properties ALL = read();

  /** Threads of a block whose work is divided by elements. */
  static final int BLOCK_THREADS = integer("BLOCK_THREADS");

  /** Most threads of a block that holds whole rows in registers. */
  static final int ROW_THREADS = integer("ROW_THREADS");

  /** 16-byte vectors of a row that one thread holds. */
  static final int ROW_VECTORS = integer("ROW_VECTORS");

  private KernelConstants() {}

  /**
   * A whole number.
   *
   * @throws IllegalStateException if the file has no such constant
   */
  static int integer(String name) {
    return Integer.parseInt(text(name));
  }

  /**
   * A number.
   *
   * @throws IllegalStateException if the file has no such constant
   */
  static double number(String name) {
    return Double.parseDouble(text(name));
  }

  /** Compiler options that define all constants, sorted by name. */
  static List<String> defines() {
    return new TreeSet<>(ALL.stringPropertyNames())
        .stream().map(name -> "-D" + name + "=" + text(name)).toList();
  }

  private static String text(String name) {
    String text = ALL.getProperty(name);
    if (text == null) {
      throw new IllegalStateException("Cannot find the kernel constant " + name + " in " + FILE);
    }
    return text.strip();
  }

  private static Properties read() {
    Properties properties = new Properties();
    try (InputStream in = KernelConstants.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IllegalStateException("Cannot find " + FILE + " on the class path");
      }
      properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + FILE + ": " + e.getMessage(), e);
    }
    return properties;
  }
}
