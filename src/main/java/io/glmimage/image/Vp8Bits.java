package io.glmimage.image;

/** VP8's arithmetic decoder over a range of bytes; zeros follow its end. RFC 6386, section 7. */
final class Vp8Bits {
  private final byte[] data;
  private final int end;
  private int at;
  private int range = 255;

  /** The bits that were read ahead; the top 8 of {@code held} are compared with the split. */
  private long value;

  private int held;

  Vp8Bits(byte[] data, int from, int end) {
    this.data = data;
    this.at = from;
    this.end = end;
  }

  /** A bit that is 0 with {@code probability} of 256. */
  int bit(int probability) {
    if (held < 8) {
      while (held <= 40) {
        value = value << 8 | (at < end ? data[at++] & 255 : 0);
        held += 8;
      }
    }
    int split = 1 + (((range - 1) * probability) >> 8);
    long large = (long) split << (held - 8);
    int bit = 0;
    if (value >= large) {
      value -= large;
      range -= split;
      bit = 1;
    } else {
      range = split;
    }
    int shift = Integer.numberOfLeadingZeros(range) - 24;
    range <<= shift;
    held -= shift;
    return bit;
  }

  boolean flag() {
    return bit(128) == 1;
  }

  /** An unsigned number, its highest bit first. */
  int number(int bits) {
    int n = 0;
    for (int i = 0; i < bits; i++) {
      n = n << 1 | bit(128);
    }
    return n;
  }

  /** A flag, then a number and its sign where the flag is set; else 0. */
  int optional(int bits) {
    if (!flag()) {
      return 0;
    }
    int n = number(bits);
    return flag() ? -n : n;
  }

  /** Walks a tree of node pairs; a value of 0 or less is a negated leaf. */
  int tree(int[] tree, int[] probabilities, int offset) {
    int node = 0;
    do {
      node = tree[node + bit(probabilities[offset + (node >> 1)])];
    } while (node > 0);
    return -node;
  }
}
