package io.glmimage.manifest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;

/** The lines of a text that are not blank, with their numbers. Skips byte order marks. */
final class Lines {
  private final BufferedReader in;
  private long number;
  private String next;
  private boolean read;

  Lines(Reader in) {
    this.in = in instanceof BufferedReader buffered ? buffered : new BufferedReader(in);
  }

  boolean hasNext() {
    try {
      while (!read) {
        next = in.readLine();
        number++;
        if (next != null) {
          // Also inside: files that begin with a mark may have been joined.
          next = Texts.withoutByteOrderMark(next);
        }
        read = next == null || !next.isBlank();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return next != null;
  }

  /** The next line. Valid only after {@link #hasNext} has returned true. */
  String next() {
    read = false;
    return next;
  }

  /** Number of the line that {@link #next} returned last, from 1. */
  long number() {
    return number;
  }
}
