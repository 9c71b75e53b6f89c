package io.glmimage.manifest;

import io.glmimage.json.Surrogates;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Decodes UTF-8 without replacing anything. A byte that is not UTF-8 becomes a lone surrogate,
 * U+DC80 to U+DCFF, which no UTF-8 text can contain. Readers of lines find these characters with
 * {@link #problem}, so that one bad line does not end the file.
 */
public final class StrictUtf8 extends Reader {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final char BASE = 0xDC00;

  private final InputStream in;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final ByteBuffer bytes = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private final CharBuffer chars = CharBuffer.allocate(BUFFER_BYTES).flip();
  private boolean ended;

  public StrictUtf8(InputStream in) {
    this.in = in;
  }

  /** Why a text of this reader cannot be used, or null: {@code "is not UTF-8 (byte 0xE9)"}. */
  public static String problem(CharSequence text) {
    int position = Surrogates.unpaired(text);
    if (position < 0) {
      return null;
    }
    int value = text.charAt(position) - BASE;
    return value >= 0x80 && value <= 0xFF
        ? String.format("is not UTF-8 (byte 0x%02X); convert the file to UTF-8", value)
        : "is not Unicode (half of a surrogate pair)";
  }

  @Override
  public int read(char[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (!chars.hasRemaining()) {
      if (ended && !bytes.hasRemaining()) {
        return -1;
      }
      decode();
    }
    int count = Math.min(length, chars.remaining());
    chars.get(target, offset, count);
    return count;
  }

  private void decode() throws IOException {
    if (!ended) {
      bytes.compact();
      int read = in.read(bytes.array(), bytes.position(), bytes.remaining());
      if (read < 0) {
        ended = true;
      } else {
        bytes.position(bytes.position() + read);
      }
      bytes.flip();
    }
    chars.clear();
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, ended);
      if (!result.isError() || chars.remaining() < result.length()) {
        break;
      }
      for (int i = 0; i < result.length(); i++) {
        chars.put((char) (BASE + (bytes.get() & 0xFF)));
      }
      decoder.reset();
    }
    chars.flip();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
