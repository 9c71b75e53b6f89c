package io.glmimage.model;

/**
 * The shape of an image in tokens.
 *
 * @param rows tokens down the height
 * @param columns tokens across the width
 */
public record Grid(int rows, int columns) {
  public Grid {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("Invalid grid: " + rows + " x " + columns);
    }
  }

  /** Number of tokens. */
  public int size() {
    return Math.multiplyExact(rows, columns);
  }

  /** The grid with both sides doubled, as {@link #upsample2} produces. */
  public Grid doubled() {
    return new Grid(2 * rows, 2 * columns);
  }

  /**
   * Nearest-neighbour upsampling: every id of this grid becomes a block of 2 x 2. {@code [rows *
   * columns] -> [4 * rows * columns]}
   */
  public int[] upsample2(int[] ids) {
    if (ids.length != size()) {
      throw new IllegalArgumentException(
          "Cannot upsample " + ids.length + " ids as a grid of " + rows + " x " + columns);
    }
    int[] out = new int[4 * ids.length];
    for (int r = 0; r < 2 * rows; r++) {
      for (int c = 0; c < 2 * columns; c++) {
        out[r * 2 * columns + c] = ids[(r / 2) * columns + c / 2];
      }
    }
    return out;
  }
}
