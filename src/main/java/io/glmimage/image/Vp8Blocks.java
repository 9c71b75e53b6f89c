package io.glmimage.image;

/**
 * The ten predictions of a 4 x 4 block from its edge. RFC 6386, section 12.3.
 *
 * <p>The edge is 13 samples along the block's left and upper side: 4 left ones from below (places 0
 * to 3), the corner (4), 4 above (5 to 8) and 4 above to the right (9 to 12).
 */
final class Vp8Blocks {
  private static final int CORNER = 4;

  private Vp8Blocks() {}

  /**
   * @param out samples; the block starts at {@code at}
   * @param mode 0 mean, 1 true motion, 2 down, 3 across, 4 down-left, 5 down-right, 6 and 8 steep
   *     and flat of these, 7 steep down-left, 9 flat up
   */
  static void predict(int[] out, int stride, int at, int mode, int[] edge) {
    for (int y = 0; y < 4; y++) {
      for (int x = 0; x < 4; x++) {
        out[at + y * stride + x] = value(mode, y, x, edge);
      }
    }
  }

  private static int value(int mode, int y, int x, int[] e) {
    return switch (mode) {
      case 0 -> (e[0] + e[1] + e[2] + e[3] + e[5] + e[6] + e[7] + e[8] + 4) >> 3;
      case 1 -> Math.max(0, Math.min(255, e[3 - y] + e[5 + x] - e[CORNER]));
      case 2 -> three(e, 5 + x);
      case 3 -> y == 3 ? (e[1] + 3 * e[0] + 2) >> 2 : three(e, 3 - y);
      case 4 -> x + y == 6 ? (e[11] + 3 * e[12] + 2) >> 2 : three(e, 6 + x + y);
      case 5 -> three(e, CORNER + x - y);
      case 6 -> right(e, y, x);
      case 7 -> steepLeft(e, y, x);
      case 8 -> flatRight(e, y, x);
      default -> flatUp(e, y, x);
    };
  }

  private static int two(int[] e, int at) {
    return (e[at] + e[at + 1] + 1) >> 1;
  }

  /** The mean around a place, weights 1, 2, 1. */
  private static int three(int[] e, int at) {
    return (e[at - 1] + 2 * e[at] + e[at + 1] + 2) >> 2;
  }

  private static int right(int[] e, int y, int x) {
    int place = x - y / 2;
    if (place < 0) {
      // below the diagonal: along the left side
      return three(e, y == 3 ? 2 : 3);
    }
    return y % 2 == 0 ? two(e, CORNER + place) : three(e, CORNER + place);
  }

  private static int steepLeft(int[] e, int y, int x) {
    if (x == 3 && y >= 2) {
      return three(e, y == 2 ? 10 : 11);
    }
    int place = 5 + x + y / 2;
    return y % 2 == 0 ? two(e, place) : three(e, place + 1);
  }

  private static int flatRight(int[] e, int y, int x) {
    int place = y - x / 2;
    if (place < 0) {
      // above the diagonal: along the upper side
      return three(e, x == 3 ? 6 : 5);
    }
    return x % 2 == 0 ? two(e, 3 - place) : three(e, CORNER - place);
  }

  private static int flatUp(int[] e, int y, int x) {
    int place = y + x / 2;
    if (place >= 3) {
      return e[0];
    }
    if (x % 2 == 0) {
      return two(e, 2 - place);
    }
    return place == 2 ? (e[1] + 3 * e[0] + 2) >> 2 : three(e, 2 - place);
  }
}
