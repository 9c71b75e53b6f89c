package io.glmimage.weights;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Reads and writes large arrays in slices. Java copies each read and write through a native buffer
 * of its length. Buffers of whole blocks would cost more time, because they do not fit the
 * processor's caches, and every thread would keep one.
 */
final class Slices {
  private static final int BYTES = 1 << 20;

  private Slices() {}

  /** Reads up to {@code length} bytes. Returns fewer than that only at the end of the stream. */
  static int read(InputStream stream, byte[] into, int at, int length) throws IOException {
    int got = 0;
    while (got < length) {
      int read = stream.read(into, at + got, Math.min(BYTES, length - got));
      if (read < 0) {
        break;
      }
      got += read;
    }
    return got;
  }

  /** Writes {@code length} bytes to the file's {@code position}. */
  static void write(FileChannel file, long position, byte[] from, int at, int length)
      throws IOException {
    int done = 0;
    while (done < length) {
      int slice = Math.min(BYTES, length - done);
      done += file.write(ByteBuffer.wrap(from, at + done, slice), position + done);
    }
  }
}
