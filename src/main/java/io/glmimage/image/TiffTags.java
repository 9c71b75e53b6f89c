package io.glmimage.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A directory of tags in a TIFF file or EXIF block. Values stay where they are, so that a hostile
 * file costs nothing. Formats: TIFF 6.0, BigTIFF, EXIF 2.32.
 *
 * @param block the whole file or block
 * @param entries by tag, in the order of the file; values outside the block are left out
 * @param next position of the next directory; 0 if this is the last
 */
record TiffTags(byte[] block, ByteOrder order, Map<Integer, Entry> entries, long next) {
  static final int SHORT = 3;
  static final int LONG = 4;

  /** Bytes of a value by its type, from 1 (BYTE) to 13 (IFD), and 16 to 18 of BigTIFF. */
  private static final int[] SIZES = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};

  private static final int CLASSIC = 42;
  private static final int BIG = 43;

  /**
   * A tag.
   *
   * @param count number of values
   * @param at position of the first value
   * @param length of all values in bytes
   */
  record Entry(int tag, int type, int count, int at, int length) {}

  /** The first directory of a block; without entries if there is none. */
  static TiffTags of(byte[] block) {
    ByteOrder order =
        block.length > 0 && block[0] == 'M' ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    if (block.length < 8 || block[0] != block[1] || (block[0] != 'I' && block[0] != 'M')) {
      return empty(block, order);
    }
    ByteBuffer bytes = ByteBuffer.wrap(block).order(order);
    long first = isBig(bytes) ? block.length < 16 ? 0 : bytes.getLong(8) : at(bytes, 4);
    int version = bytes.getShort(2);
    return version == CLASSIC || version == BIG ? read(bytes, first) : empty(block, order);
  }

  /** The directory that a tag of this one points to; without entries if there is none. */
  TiffTags inside(int tag) {
    long at = number(tag, 0);
    return at == 0 ? empty(block, order) : read(bytes(), at);
  }

  /** The next directory of the file. */
  TiffTags following() {
    return next == 0 ? empty(block, order) : read(bytes(), next);
  }

  /** The first value of a tag that holds whole numbers. */
  long number(int tag, long otherwise) {
    Entry entry = entries.get(tag);
    if (entry == null || entry.count() == 0) {
      return otherwise;
    }
    ByteBuffer bytes = bytes();
    return switch (entry.type()) {
      case 1, 7 -> bytes.get(entry.at()) & 255;
      case SHORT -> Short.toUnsignedInt(bytes.getShort(entry.at()));
      case LONG, 13 -> at(bytes, entry.at());
      case 16, 18 -> bytes.getLong(entry.at());
      default -> otherwise;
    };
  }

  /** The value of a tag as text without zeros; empty if there is none. */
  String text(int tag) {
    return new String(value(tag), StandardCharsets.ISO_8859_1).replace("\0", "").strip();
  }

  /** The bytes of a tag; empty if there is none. */
  byte[] value(int tag) {
    Entry entry = entries.get(tag);
    return entry == null
        ? new byte[0]
        : Arrays.copyOfRange(block, entry.at(), entry.at() + entry.length());
  }

  private static TiffTags empty(byte[] block, ByteOrder order) {
    return new TiffTags(block, order, Map.of(), 0);
  }

  private ByteBuffer bytes() {
    return ByteBuffer.wrap(block).order(order);
  }

  private static boolean isBig(ByteBuffer bytes) {
    return bytes.getShort(2) == BIG;
  }

  private static long at(ByteBuffer bytes, int position) {
    return Integer.toUnsignedLong(bytes.getInt(position));
  }

  /** The bytes of a buffer that wraps a whole array, as all buffers of this class do. */
  private static byte[] array(ByteBuffer bytes) {
    if (bytes.arrayOffset() != 0) {
      throw new IllegalArgumentException("Cannot read a part of an array");
    }
    return bytes.array();
  }

  private static TiffTags read(ByteBuffer bytes, long start) {
    boolean big = isBig(bytes);
    int head = big ? 8 : 2;
    int width = big ? 8 : 4;
    int size = 4 + 2 * width;
    int limit = bytes.limit();
    if (start < 8 || start > limit - head) {
      return empty(array(bytes), bytes.order());
    }
    int p = (int) start + head;
    long count =
        big ? bytes.getLong((int) start) : Short.toUnsignedInt(bytes.getShort((int) start));
    Map<Integer, Entry> entries = new LinkedHashMap<>();
    for (long i = 0; i < count && p <= limit - size; i++, p += size) {
      int type = Short.toUnsignedInt(bytes.getShort(p + 2));
      long values = big ? bytes.getLong(p + 4) : at(bytes, p + 4);
      int each = type < SIZES.length ? SIZES[type] : 0;
      if (each == 0 || values < 0 || values > limit / each) {
        continue;
      }
      int length = (int) values * each;
      int field = p + 4 + width;
      long at = length <= width ? field : big ? bytes.getLong(field) : at(bytes, field);
      if (at >= 0 && at <= limit - length) {
        int tag = Short.toUnsignedInt(bytes.getShort(p));
        entries.putIfAbsent(tag, new Entry(tag, type, (int) values, (int) at, length));
      }
    }
    boolean hasNext = p <= limit - width;
    long next = !hasNext ? 0 : big ? bytes.getLong(p) : at(bytes, p);
    return new TiffTags(array(bytes), bytes.order(), entries, next < 0 ? 0 : next);
  }
}
