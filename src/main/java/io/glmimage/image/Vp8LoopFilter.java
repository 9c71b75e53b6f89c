package io.glmimage.image;

/**
 * VP8's loop filter across one edge of blocks. RFC 6386, section 15.
 *
 * @param interior largest step between neighbours inside a block that still counts as smooth
 * @param variance steps beside the edge above this keep their height
 * @param simple the filter that looks at two samples on each side only
 */
record Vp8LoopFilter(int interior, int variance, boolean simple) {

  /**
   * @param at the first sample behind the edge
   * @param across distance of neighbours across the edge
   * @param along distance of neighbours along it
   * @param size samples along the edge
   * @param limit larger steps are contours and stay
   * @param outer whether the edge is a macroblock's
   */
  void edge(int[] s, int at, int across, int along, int size, int limit, boolean outer) {
    for (int i = 0, p = at; i < size; i++, p += along) {
      int p1 = s[p - 2 * across];
      int p0 = s[p - across];
      int q0 = s[p];
      int q1 = s[p + across];
      if (4 * Math.abs(p0 - q0) + Math.abs(p1 - q1) > 2 * limit + 1) {
        continue;
      }
      if (simple) {
        two(s, p, across);
        continue;
      }
      if (!smooth(s, p, across)) {
        continue;
      }
      if (Math.abs(p1 - p0) > variance || Math.abs(q1 - q0) > variance) {
        two(s, p, across);
      } else if (outer) {
        six(s, p, across);
      } else {
        four(s, p, across);
      }
    }
  }

  private boolean smooth(int[] s, int p, int d) {
    return Math.abs(s[p - 4 * d] - s[p - 3 * d]) <= interior
        && Math.abs(s[p - 3 * d] - s[p - 2 * d]) <= interior
        && Math.abs(s[p - 2 * d] - s[p - d]) <= interior
        && Math.abs(s[p + 3 * d] - s[p + 2 * d]) <= interior
        && Math.abs(s[p + 2 * d] - s[p + d]) <= interior
        && Math.abs(s[p + d] - s[p]) <= interior;
  }

  private static void two(int[] s, int p, int d) {
    int a = 3 * (s[p] - s[p - d]) + signed(s[p - 2 * d] - s[p + d]);
    int up = small((a + 4) >> 3);
    int down = small((a + 3) >> 3);
    s[p - d] = clip(s[p - d] + down);
    s[p] = clip(s[p] - up);
  }

  private static void four(int[] s, int p, int d) {
    int a = 3 * (s[p] - s[p - d]);
    int up = small((a + 4) >> 3);
    int down = small((a + 3) >> 3);
    int half = (up + 1) >> 1;
    s[p - 2 * d] = clip(s[p - 2 * d] + half);
    s[p - d] = clip(s[p - d] + down);
    s[p] = clip(s[p] - up);
    s[p + d] = clip(s[p + d] - half);
  }

  private static void six(int[] s, int p, int d) {
    int a = signed(3 * (s[p] - s[p - d]) + signed(s[p - 2 * d] - s[p + d]));
    int a1 = (27 * a + 63) >> 7;
    int a2 = (18 * a + 63) >> 7;
    int a3 = (9 * a + 63) >> 7;
    s[p - 3 * d] = clip(s[p - 3 * d] + a3);
    s[p - 2 * d] = clip(s[p - 2 * d] + a2);
    s[p - d] = clip(s[p - d] + a1);
    s[p] = clip(s[p] - a1);
    s[p + d] = clip(s[p + d] - a2);
    s[p + 2 * d] = clip(s[p + 2 * d] - a3);
  }

  private static int signed(int value) {
    return Math.max(-128, Math.min(127, value));
  }

  private static int small(int value) {
    return Math.max(-16, Math.min(15, value));
  }

  private static int clip(int value) {
    return Math.max(0, Math.min(255, value));
  }
}
