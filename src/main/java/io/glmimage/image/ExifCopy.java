package io.glmimage.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Copies the EXIF block of a source image for an edited image. Format: EXIF 2.32.
 *
 * <p>Tags that do not hold for the edited image are left out: orientation, sizes, thumbnail, other
 * images, resolution. So are tags of stored colours, because the edited image is sRGB, and maker
 * notes, which refer to their old place in the file. GPS is copied on demand. Values are not
 * changed. The TIFF writer of TwelveMonkeys does not replace this class: it writes a second
 * subdirectory over the first.
 */
public final class ExifCopy {
  /** In bytes; a JPEG segment holds 65533 with its preamble. */
  private static final int LONGEST_BLOCK = 65_000;

  private static final int HEADER = 8;
  private static final int ENTRY = 12;
  private static final int EXIF = 0x8769;
  private static final int GPS = 0x8825;
  private static final int COLOR_SPACE = 0xA001;
  private static final int SRGB = 1;

  /** Types of EXIF 2.32, from BYTE to DOUBLE. Type 13 is a pointer. */
  private static final int LAST_TYPE = 12;

  /**
   * Tags of the first directory: description, make, model, software, time, artist, host, rating,
   * copyright, and texts of Windows. In a TIFF file, this directory also has the layout of the
   * pixels.
   */
  private static final Set<Integer> DESCRIPTIVE =
      Set.of(
          0x10E, 0x10F, 0x110, 0x131, 0x132, 0x13B, 0x13C, 0x4746, 0x4749, 0x8298, 0x9C9B, 0x9C9C,
          0x9C9D, 0x9C9E, 0x9C9F);

  /** Tags of the EXIF directory: maker note, sizes, colours and pointers. */
  private static final Set<Integer> LEFT_OUT = Set.of(0x927C, 0xA002, 0xA003, 0xA005, EXIF, GPS);

  private ExifCopy() {}

  /**
   * The EXIF block for an edited image.
   *
   * @param file the source image
   * @return starts with a TIFF header; empty if there is nothing to copy
   */
  public static byte[] of(byte[] file, KeptMetadata kept) {
    return kept == KeptMetadata.NONE
        ? new byte[0]
        : ImageFormat.of(file)
            .map(format -> copy(MetadataBlocks.of(file, format).exif(), kept))
            .orElse(new byte[0]);
  }

  private static byte[] copy(byte[] block, KeptMetadata kept) {
    TiffTags root = TiffTags.of(block);
    Writer out = new Writer(root.order());
    out.add(root, DESCRIPTIVE, true);
    TiffTags exif = root.inside(EXIF);
    out.next(EXIF);
    out.add(exif, LEFT_OUT, false);
    if (kept == KeptMetadata.EXIF_GPS) {
      out.next(GPS);
      out.add(root.inside(GPS), Set.of(), false);
    }
    return out.block();
  }

  /** A value that is copied. */
  private record Value(int type, int count, byte[] bytes) {}

  /** Writes the first directory and the directories to which it points. */
  private static final class Writer {
    private final ByteOrder order;
    private final Map<Integer, Map<Integer, Value>> directories = new LinkedHashMap<>();
    private Map<Integer, Value> current = new TreeMap<>();
    private int length = HEADER + 6;

    Writer(ByteOrder order) {
      this.order = order;
      directories.put(0, current);
    }

    void next(int pointer) {
      current = new TreeMap<>();
      directories.put(pointer, current);
      length += 6 + ENTRY;
    }

    /**
     * Adds tags of a directory, as far as they fit.
     *
     * @param only whether the tags are those to copy; otherwise those to leave out
     */
    void add(TiffTags from, Set<Integer> tags, boolean only) {
      for (TiffTags.Entry entry : from.entries().values()) {
        int size = ENTRY + entry.length() + 1;
        if (tags.contains(entry.tag()) == only
            && entry.type() <= LAST_TYPE
            && entry.count() > 0
            && length + size <= LONGEST_BLOCK) {
          boolean space = entry.tag() == COLOR_SPACE;
          byte[] bytes = space ? shortValue(SRGB) : from.value(entry.tag());
          current.put(
              entry.tag(),
              new Value(space ? TiffTags.SHORT : entry.type(), space ? 1 : entry.count(), bytes));
          length += size;
        }
      }
    }

    private byte[] shortValue(int value) {
      return ByteBuffer.allocate(2).order(order).putShort((short) value).array();
    }

    byte[] block() {
      directories.values().removeIf(Map::isEmpty);
      if (directories.isEmpty()) {
        return new byte[0];
      }
      Map<Integer, Value> root = directories.computeIfAbsent(0, none -> new TreeMap<>());
      List<Integer> pointers = new ArrayList<>(directories.keySet());
      pointers.remove(Integer.valueOf(0));
      pointers.forEach(tag -> root.put(tag, new Value(TiffTags.LONG, 1, new byte[4])));
      int at = HEADER + size(root);
      for (int tag : pointers) {
        byte[] place = ByteBuffer.allocate(4).order(order).putInt(at).array();
        root.put(tag, new Value(TiffTags.LONG, 1, place));
        at += size(directories.get(tag));
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.writeBytes(order == ByteOrder.BIG_ENDIAN ? new byte[] {'M', 'M'} : new byte[] {'I', 'I'});
      out.writeBytes(
          ByteBuffer.allocate(6).order(order).putShort((short) 42).putInt(HEADER).array());
      out.writeBytes(directory(root, HEADER));
      for (int tag : pointers) {
        out.writeBytes(directory(directories.get(tag), out.size()));
      }
      return out.toByteArray();
    }

    private static int size(Map<Integer, Value> directory) {
      return 6 + directory.values().stream().mapToInt(value -> ENTRY + outside(value)).sum();
    }

    /** Bytes behind the entries; values start at even positions. */
    private static int outside(Value value) {
      int size = value.bytes().length;
      return size <= 4 ? 0 : size + (size & 1);
    }

    private byte[] directory(Map<Integer, Value> directory, int start) {
      ByteBuffer out = ByteBuffer.allocate(size(directory)).order(order);
      int values = 2 + ENTRY * directory.size() + 4;
      out.putShort((short) directory.size());
      for (Map.Entry<Integer, Value> entry : directory.entrySet()) {
        Value value = entry.getValue();
        out.putShort(entry.getKey().shortValue());
        out.putShort((short) value.type()).putInt(value.count());
        if (value.bytes().length <= 4) {
          out.put(value.bytes()).put(new byte[4 - value.bytes().length]);
        } else {
          out.putInt(start + values);
          out.put(values, value.bytes());
          values += outside(value);
        }
      }
      return out.array();
    }
  }
}
