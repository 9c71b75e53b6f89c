package io.glmimage.image;

import java.util.Arrays;
import javax.imageio.IIOException;

/**
 * A VP8 key frame, the picture inside a lossy WebP file, to luminance and chrominance planes, bit
 * by bit as RFC 6386 says. (The ImageIO plug-in filters a block before its neighbours are predicted
 * from it, an error that grows across the picture: 27 dB at quality 60.)
 *
 * <p>Planes are held whole and padded to macroblocks of 16 x 16 luminance and 8 x 8 chrominance
 * samples. All blocks are predicted and summed first, then the loop filter runs over the planes.
 */
final class Vp8KeyFrame {
  private static final int DC = 0;
  private static final int VERTICAL = 1;
  private static final int HORIZONTAL = 2;
  private static final int TRUE_MOTION = 3;
  private static final int BLOCKS = 4;

  private static final int[] LUMA_TREE = {-BLOCKS, 2, 4, 6, -DC, -VERTICAL, -HORIZONTAL, -3};
  private static final int[] LUMA_PROBABILITIES = {145, 156, 163, 128};
  private static final int[] CHROMA_TREE = {-DC, 2, -VERTICAL, 4, -HORIZONTAL, -3};
  private static final int[] CHROMA_PROBABILITIES = {142, 114, 183};

  /** The block mode that a mode of a whole macroblock counts as for its neighbours. */
  private static final int[] AS_BLOCK_MODE = {0, 2, 3, 1};

  /** Extra bits of the four largest classes of coefficients. */
  private static final int[][] LARGE = {
    {173, 148, 140},
    {176, 155, 140, 135},
    {180, 157, 141, 134, 130},
    {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}
  };

  /** One plane of samples 0..255, {@code [rows, stride]}. */
  static final class Plane {
    final int stride;
    final int[] samples;

    Plane(int rows, int stride) {
      this.stride = stride;
      this.samples = new int[Math.multiplyExact(rows, stride)];
    }
  }

  /** Quantiser steps and filter strength of a segment. */
  private static final class Segment {
    int quantiser;
    int filter;
    final int[] steps = new int[6];
  }

  private final byte[] file;
  final int width;
  final int height;
  final Plane luma;
  final Plane u;
  final Plane v;

  private final int columns;
  private final int rows;
  private final Vp8Bits header;
  private final Vp8Bits[] partitions;
  private final int[] probabilities = Vp8Tables.COEFFICIENT_PROBABILITIES.clone();
  private final Segment[] segments = {new Segment(), new Segment(), new Segment(), new Segment()};
  private final int[] segmentProbabilities = {255, 255, 255};
  private boolean segmentMap;
  private boolean simpleFilter;
  private int filterLevel;
  private int sharpness;
  private boolean filterDeltas;
  private int intraDelta;
  private int blocksDelta;
  private boolean skips;
  private int skipProbability;

  /** Block modes of the row above, {@code [4 * columns]}, and of the block to the left, [4]. */
  private final int[] modesAbove;

  private final int[] modesLeft = new int[4];

  /** Whether neighbouring blocks hold coefficients: 4 luma, 2 u, 2 v, 1 second-order. */
  private final int[][] filledAbove;

  private final int[] filledLeft = new int[9];

  /** The filter's strength of every macroblock, and whether it runs inside of it. */
  private final int[] level;

  private final boolean[] inner;

  private final int[] coefficients = new int[25 * 16];
  private final int[] blockModes = new int[16];

  private Vp8KeyFrame(byte[] file, int start, int end) throws IIOException {
    this.file = file;
    if (end - start < 10) {
      throw new IIOException("VP8 frame of " + (end - start) + " bytes");
    }
    int tag = byteAt(start) | byteAt(start + 1) << 8 | byteAt(start + 2) << 16;
    if ((tag & 1) != 0
        || byteAt(start + 3) != 0x9D
        || byteAt(start + 4) != 1
        || byteAt(start + 5) != 0x2A) {
      throw new IIOException("not a VP8 key frame");
    }
    width = (byteAt(start + 6) | byteAt(start + 7) << 8) & 0x3FFF;
    height = (byteAt(start + 8) | byteAt(start + 9) << 8) & 0x3FFF;
    columns = (width + 15) / 16;
    rows = (height + 15) / 16;
    luma = new Plane(rows * 16, columns * 16);
    u = new Plane(rows * 8, columns * 8);
    v = new Plane(rows * 8, columns * 8);
    modesAbove = new int[4 * columns];
    filledAbove = new int[columns][9];
    level = new int[rows * columns];
    inner = new boolean[rows * columns];
    int first = start + 10;
    int firstEnd = first + (tag >> 5);
    if (firstEnd > end) {
      throw new IIOException("VP8 frame is cut off");
    }
    header = new Vp8Bits(file, first, firstEnd);
    partitions = readHeader(firstEnd, end);
  }

  private int byteAt(int at) {
    return file[at] & 255;
  }

  /**
   * @param start of the frame in the file
   * @param end behind its last byte
   */
  static Vp8KeyFrame decode(byte[] file, int start, int end) throws IIOException {
    Vp8KeyFrame frame = new Vp8KeyFrame(file, start, end);
    for (int row = 0; row < frame.rows; row++) {
      frame.decodeRow(row);
    }
    frame.filter();
    return frame;
  }

  // 1. The header (RFC 6386, sections 9 and 19.2).

  private Vp8Bits[] readHeader(int tokens, int end) throws IIOException {
    header.number(2); // colour space, clamping: no meaning here
    boolean segmented = header.flag();
    boolean absolute = false;
    if (segmented) {
      segmentMap = header.flag();
      if (header.flag()) {
        absolute = header.flag();
        for (Segment segment : segments) {
          segment.quantiser = header.optional(7);
        }
        for (Segment segment : segments) {
          segment.filter = header.optional(6);
        }
      }
      if (segmentMap) {
        for (int i = 0; i < 3; i++) {
          segmentProbabilities[i] = header.flag() ? header.number(8) : 255;
        }
      }
    }
    simpleFilter = header.flag();
    filterLevel = header.number(6);
    sharpness = header.number(3);
    readFilterDeltas();
    int count = 1 << header.number(2);
    readQuantisers(absolute);
    for (Segment segment : segments) {
      segment.filter = absolute && segmented ? segment.filter : filterLevel + segment.filter;
    }
    header.flag(); // whether probabilities outlive this frame
    for (int i = 0; i < probabilities.length; i++) {
      if (header.bit(Vp8Tables.COEFFICIENT_UPDATE_PROBABILITIES[i]) == 1) {
        probabilities[i] = header.number(8);
      }
    }
    skips = header.flag();
    skipProbability = skips ? header.number(8) : 0;
    return split(tokens, end, count);
  }

  private void readFilterDeltas() {
    filterDeltas = header.flag();
    if (filterDeltas && header.flag()) {
      for (int i = 0; i < 4; i++) {
        int delta = header.optional(6);
        intraDelta = i == 0 ? delta : intraDelta;
      }
      for (int i = 0; i < 4; i++) {
        int delta = header.optional(6);
        blocksDelta = i == 0 ? delta : blocksDelta;
      }
    }
  }

  private void readQuantisers(boolean absolute) {
    int base = header.number(7);
    int lumaDc = header.optional(4);
    int secondDc = header.optional(4);
    int secondAc = header.optional(4);
    int chromaDc = header.optional(4);
    int chromaAc = header.optional(4);
    for (Segment segment : segments) {
      int q = absolute ? segment.quantiser : base + segment.quantiser;
      segment.steps[0] = step(Vp8Tables.DC_STEPS, q + lumaDc);
      segment.steps[1] = step(Vp8Tables.AC_STEPS, q);
      segment.steps[2] = step(Vp8Tables.DC_STEPS, q + secondDc) * 2;
      segment.steps[3] = Math.max(8, step(Vp8Tables.AC_STEPS, q + secondAc) * 155 / 100);
      segment.steps[4] = Math.min(132, step(Vp8Tables.DC_STEPS, q + chromaDc));
      segment.steps[5] = step(Vp8Tables.AC_STEPS, q + chromaAc);
    }
  }

  private static int step(int[] table, int q) {
    return table[Math.max(0, Math.min(127, q))];
  }

  /** The partitions of coefficients; their sizes, but the last's, stand in front of them. */
  private Vp8Bits[] split(int tokens, int end, int count) throws IIOException {
    int at = tokens + 3 * (count - 1);
    if (at > end) {
      throw new IIOException("VP8 frame is cut off");
    }
    Vp8Bits[] out = new Vp8Bits[count];
    for (int i = 0; i < count; i++) {
      int next = end;
      if (i < count - 1) {
        int p = tokens + 3 * i;
        next = at + (byteAt(p) | byteAt(p + 1) << 8 | byteAt(p + 2) << 16);
        if (next > end) {
          throw new IIOException("VP8 frame is cut off");
        }
      }
      out[i] = new Vp8Bits(file, at, next);
      at = next;
    }
    return out;
  }

  // 2. Macroblocks: modes, coefficients, prediction, sum (sections 11 to 14).

  private void decodeRow(int row) {
    Arrays.fill(modesLeft, 0);
    Arrays.fill(filledLeft, 0);
    Vp8Bits tokens = partitions[row & (partitions.length - 1)];
    for (int column = 0; column < columns; column++) {
      int s = 0;
      if (segmentMap) {
        s =
            header.bit(segmentProbabilities[0]) == 0
                ? header.bit(segmentProbabilities[1])
                : 2 + header.bit(segmentProbabilities[2]);
      }
      Segment segment = segments[s];
      boolean skip = skips && header.bit(skipProbability) == 1;
      int mode = header.tree(LUMA_TREE, LUMA_PROBABILITIES, 0);
      readBlockModes(mode, column);
      int chromaMode = header.tree(CHROMA_TREE, CHROMA_PROBABILITIES, 0);
      Arrays.fill(coefficients, 0);
      boolean filled = false;
      if (skip) {
        clear(filledAbove[column], mode);
        clear(filledLeft, mode);
      } else {
        filled = readCoefficients(tokens, segment, mode, filledAbove[column]);
      }
      predictLuma(mode, row, column);
      predict(u, 8, chromaMode, row, column);
      predict(v, 8, chromaMode, row, column);
      for (int b = 0; b < 4; b++) {
        int y = row * 8 + b / 2 * 4;
        int x = column * 8 + b % 2 * 4;
        add(u, y, x, (16 + b) * 16);
        add(v, y, x, (20 + b) * 16);
      }
      setFilter(row * columns + column, segment, mode, filled);
    }
  }

  /** A macroblock without coefficients; the second-order flag stays where it has no such block. */
  private static void clear(int[] filled, int mode) {
    Arrays.fill(filled, 0, 8, 0);
    if (mode != BLOCKS) {
      filled[8] = 0;
    }
  }

  private void readBlockModes(int mode, int column) {
    for (int b = 0; b < 16; b++) {
      int above = column * 4 + b % 4;
      int left = b / 4;
      int block;
      if (mode == BLOCKS) {
        int context = (modesAbove[above] * 10 + modesLeft[left]) * 9;
        block = header.tree(Vp8Tables.BLOCK_MODE_TREE, Vp8Tables.BLOCK_MODE_PROBABILITIES, context);
      } else {
        block = AS_BLOCK_MODE[mode];
      }
      blockModes[b] = block;
      modesAbove[above] = block;
      modesLeft[left] = block;
    }
  }

  /** Whether any coefficient is not zero. */
  private boolean readCoefficients(Vp8Bits tokens, Segment segment, int mode, int[] above) {
    boolean filled = false;
    int first = 0;
    int type = 3;
    int[] steps = segment.steps;
    if (mode != BLOCKS) {
      int context = above[8] + filledLeft[8];
      int end = readBlock(tokens, 1, context, 0, 24 * 16, steps[2], steps[3]);
      above[8] = end > 0 ? 1 : 0;
      filledLeft[8] = above[8];
      secondOrder();
      first = 1;
      type = 0;
    }
    for (int b = 0; b < 16; b++) {
      int x = b % 4;
      int y = b / 4;
      int at = b * 16;
      int end = readBlock(tokens, type, above[x] + filledLeft[y], first, at, steps[0], steps[1]);
      above[x] = end > first ? 1 : 0;
      filledLeft[y] = above[x];
      filled |= end > 1 || coefficients[at] != 0;
    }
    for (int plane = 0; plane < 2; plane++) {
      for (int b = 0; b < 4; b++) {
        int x = 4 + plane * 2 + b % 2;
        int y = 4 + plane * 2 + b / 2;
        int at = (16 + plane * 4 + b) * 16;
        int end = readBlock(tokens, 2, above[x] + filledLeft[y], 0, at, steps[4], steps[5]);
        above[x] = end > 0 ? 1 : 0;
        filledLeft[y] = above[x];
        filled |= end > 1 || coefficients[at] != 0;
      }
    }
    return filled;
  }

  /**
   * The coefficients of a 4 x 4 block, dequantised.
   *
   * @return the place behind the last one
   */
  private int readBlock(Vp8Bits tokens, int type, int context, int first, int at, int dc, int ac) {
    int i = first;
    int p = node(type, i, context);
    while (i < 16) {
      if (tokens.bit(probabilities[p]) == 0) {
        return i;
      }
      while (tokens.bit(probabilities[p + 1]) == 0) {
        if (++i == 16) {
          return 16;
        }
        p = node(type, i, 0);
      }
      int value = 1;
      int next = 1;
      if (tokens.bit(probabilities[p + 2]) == 1) {
        value = large(tokens, p);
        next = 2;
      }
      int signed = tokens.bit(128) == 1 ? -value : value;
      coefficients[at + Vp8Tables.ZIGZAG[i]] = signed * (i == 0 ? dc : ac);
      i++;
      p = i < 16 ? node(type, i, next) : 0;
    }
    return 16;
  }

  private static int node(int type, int i, int context) {
    return ((type * 8 + Vp8Tables.BANDS[i]) * 3 + context) * 11;
  }

  private int large(Vp8Bits tokens, int p) {
    if (tokens.bit(probabilities[p + 3]) == 0) {
      return tokens.bit(probabilities[p + 4]) == 0 ? 2 : 3 + tokens.bit(probabilities[p + 5]);
    }
    if (tokens.bit(probabilities[p + 6]) == 0) {
      if (tokens.bit(probabilities[p + 7]) == 0) {
        return 5 + tokens.bit(159);
      }
      int high = tokens.bit(165);
      return 7 + 2 * high + tokens.bit(145);
    }
    int high = tokens.bit(probabilities[p + 8]);
    int category = 2 * high + tokens.bit(probabilities[p + 9 + high]);
    int value = 0;
    for (int probability : LARGE[category]) {
      value = 2 * value + tokens.bit(probability);
    }
    return value + 3 + (8 << category);
  }

  /** The inverse Walsh-Hadamard transform: the first coefficients of the 16 luma blocks. */
  private void secondOrder() {
    int[] in = coefficients;
    int o = 24 * 16;
    int[] t = new int[16];
    for (int i = 0; i < 4; i++) {
      int a = in[o + i] + in[o + 12 + i];
      int b = in[o + 4 + i] + in[o + 8 + i];
      int c = in[o + 4 + i] - in[o + 8 + i];
      int d = in[o + i] - in[o + 12 + i];
      t[i] = a + b;
      t[4 + i] = c + d;
      t[8 + i] = a - b;
      t[12 + i] = d - c;
    }
    for (int i = 0; i < 4; i++) {
      int a = t[4 * i] + t[4 * i + 3] + 3;
      int b = t[4 * i + 1] + t[4 * i + 2];
      int c = t[4 * i + 1] - t[4 * i + 2];
      int d = t[4 * i] - t[4 * i + 3] + 3;
      in[4 * i * 16] = (a + b) >> 3;
      in[(4 * i + 1) * 16] = (c + d) >> 3;
      in[(4 * i + 2) * 16] = (a - b) >> 3;
      in[(4 * i + 3) * 16] = (d - c) >> 3;
    }
  }

  private static int times1(int a) {
    return a + ((a * 20091) >> 16);
  }

  private static int times2(int a) {
    return (a * 35468) >> 16;
  }

  /** Adds the inverse cosine transform of the block at {@code o} to the prediction. */
  private void add(Plane plane, int y, int x, int o) {
    int[] in = coefficients;
    int[] t = new int[16];
    for (int i = 0; i < 4; i++) {
      int a = in[o + i] + in[o + 8 + i];
      int b = in[o + i] - in[o + 8 + i];
      int c = times2(in[o + 4 + i]) - times1(in[o + 12 + i]);
      int d = times1(in[o + 4 + i]) + times2(in[o + 12 + i]);
      t[4 * i] = a + d;
      t[4 * i + 1] = b + c;
      t[4 * i + 2] = b - c;
      t[4 * i + 3] = a - d;
    }
    int[] out = plane.samples;
    for (int i = 0; i < 4; i++) {
      int dc = t[i] + 4;
      int a = dc + t[8 + i];
      int b = dc - t[8 + i];
      int c = times2(t[4 + i]) - times1(t[12 + i]);
      int d = times1(t[4 + i]) + times2(t[12 + i]);
      int p = (y + i) * plane.stride + x;
      out[p] = clip(out[p] + ((a + d) >> 3));
      out[p + 1] = clip(out[p + 1] + ((b + c) >> 3));
      out[p + 2] = clip(out[p + 2] + ((b - c) >> 3));
      out[p + 3] = clip(out[p + 3] + ((a - d) >> 3));
    }
  }

  private static int clip(int value) {
    return Math.max(0, Math.min(255, value));
  }

  private void predictLuma(int mode, int row, int column) {
    if (mode != BLOCKS) {
      predict(luma, 16, mode, row, column);
    }
    int[] edge = new int[13];
    for (int b = 0; b < 16; b++) {
      int y = row * 16 + b / 4 * 4;
      int x = column * 16 + b % 4 * 4;
      if (mode == BLOCKS) {
        readEdge(edge, row, column, b);
        Vp8Blocks.predict(luma.samples, luma.stride, y * luma.stride + x, blockModes[b], edge);
      }
      add(luma, y, x, b * 16);
    }
  }

  /** The samples around a 4 x 4 block: 4 left ones from below, the corner, 8 above. */
  private void readEdge(int[] edge, int row, int column, int b) {
    int y = row * 16 + b / 4 * 4;
    int x = column * 16 + b % 4 * 4;
    for (int i = 0; i < 4; i++) {
      edge[3 - i] = sample(luma, y + i, x - 1);
    }
    for (int i = -1; i < 4; i++) {
      edge[5 + i] = sample(luma, y - 1, x + i);
    }
    // Right of the macroblock, every row of blocks takes the row above the macroblock.
    int rightRow = b % 4 == 3 ? row * 16 - 1 : y - 1;
    int last = luma.stride - 1;
    for (int i = 4; i < 8; i++) {
      int at = x + i;
      edge[5 + i] = at <= last ? sample(luma, rightRow, at) : sample(luma, rightRow, last);
    }
  }

  /** A sample, or what stands for it outside the picture: 127 above, 129 to the left. */
  private static int sample(Plane plane, int y, int x) {
    if (y < 0) {
      return 127;
    }
    return x < 0 ? 129 : plane.samples[y * plane.stride + x];
  }

  private static void predict(Plane plane, int size, int mode, int row, int column) {
    int top = row * size;
    int left = column * size;
    int mean = mode == DC ? mean(plane, size, row, column) : 0;
    int corner = sample(plane, top - 1, left - 1);
    for (int y = top; y < top + size; y++) {
      int beside = sample(plane, y, left - 1);
      for (int x = left; x < left + size; x++) {
        plane.samples[y * plane.stride + x] =
            switch (mode) {
              case VERTICAL -> sample(plane, top - 1, x);
              case HORIZONTAL -> beside;
              case TRUE_MOTION -> clip(beside + sample(plane, top - 1, x) - corner);
              default -> mean;
            };
      }
    }
  }

  private static int mean(Plane plane, int size, int row, int column) {
    int sum = 0;
    int count = 0;
    for (int i = 0; i < size; i++) {
      if (row > 0) {
        sum += sample(plane, row * size - 1, column * size + i);
        count++;
      }
      if (column > 0) {
        sum += sample(plane, row * size + i, column * size - 1);
        count++;
      }
    }
    return count == 0 ? 128 : (sum + count / 2) / count;
  }

  // 3. The loop filter (section 15).

  private void setFilter(int macroblock, Segment segment, int mode, boolean filled) {
    int strength = segment.filter;
    if (filterDeltas) {
      strength += intraDelta + (mode == BLOCKS ? blocksDelta : 0);
    }
    level[macroblock] = filterLevel == 0 ? 0 : Math.max(0, Math.min(63, strength));
    inner[macroblock] = filled || mode == BLOCKS;
  }

  private void filter() {
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        int macroblock = row * columns + column;
        if (level[macroblock] > 0) {
          filterMacroblock(row, column, level[macroblock], inner[macroblock]);
        }
      }
    }
  }

  private void filterMacroblock(int row, int column, int strength, boolean inside) {
    int interior = strength;
    if (sharpness > 0) {
      interior = Math.min(interior >> (sharpness > 4 ? 2 : 1), 9 - sharpness);
    }
    interior = Math.max(1, interior);
    int limit = 2 * strength + interior;
    int variance = strength >= 40 ? 2 : strength >= 15 ? 1 : 0;
    Vp8LoopFilter filter = new Vp8LoopFilter(interior, variance, simpleFilter);
    Plane[] planes = simpleFilter ? new Plane[] {luma} : new Plane[] {luma, u, v};
    for (Plane plane : planes) {
      int size = plane == luma ? 16 : 8;
      int s = plane.stride;
      int origin = row * size * s + column * size;
      if (column > 0) {
        filter.edge(plane.samples, origin, 1, s, size, limit + 4, true);
      }
      for (int i = 4; inside && i < size; i += 4) {
        filter.edge(plane.samples, origin + i, 1, s, size, limit, false);
      }
      if (row > 0) {
        filter.edge(plane.samples, origin, s, 1, size, limit + 4, true);
      }
      for (int i = 4; inside && i < size; i += 4) {
        filter.edge(plane.samples, origin + i * s, s, 1, size, limit, false);
      }
    }
  }
}
