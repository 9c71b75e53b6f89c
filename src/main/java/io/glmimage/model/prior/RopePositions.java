package io.glmimage.model.prior;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.model.Grid;
import java.util.List;

/**
 * The three-axis positions (time, height, width) of a prompt and of the tokens generated after it.
 *
 * <p>Text advances all axes by one per token. An image that starts at position p has time p, height
 * p + row and width p + column; the next token is at p + max(rows, columns). The start and end
 * tokens of an image count as text.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageModel.get_rope_index (5.17.0). Deviation: one row at a time, without padding; a prompt
 * whose images do not fit its grids is an error.
 *
 * @param axes [3][P + M + 1]: the prompt's P tokens, the M generated ones, the end token
 * @param promptLength P
 */
record RopePositions(int[][] axes, int promptLength) {

  /**
   * The positions of one row.
   *
   * @param ids the prompt, with placeholders
   * @param sources the grids of the images in the prompt, in order
   * @param decoded the grids to generate, in order
   * @throws InvalidRequestException if the prompt does not contain exactly these sources, each
   *     between a start and an end token
   */
  static RopePositions of(
      int[] ids, List<Grid> sources, List<Grid> decoded, int start, int placeholder, int end) {
    int length = ids.length + 1;
    for (Grid grid : decoded) {
      length = Math.addExact(length, grid.size());
    }
    Writer out = new Writer(length);
    int next = 0;
    int i = 0;
    while (i < ids.length) {
      if (ids[i] != placeholder) {
        out.text();
        i++;
        continue;
      }
      if (next == sources.size()) {
        throw new InvalidRequestException(
            "Cannot read the prompt: it has more image placeholders than its "
                + sources.size()
                + " source image(s)");
      }
      Grid grid = sources.get(next++);
      int after = i + grid.size();
      boolean framed = i > 0 && ids[i - 1] == start && after < ids.length && ids[after] == end;
      for (int j = i; framed && j < after; j++) {
        framed = ids[j] == placeholder;
      }
      if (!framed) {
        throw new InvalidRequestException(
            "Cannot read the prompt: source image "
                + next
                + " needs a start token, "
                + grid.size()
                + " placeholders ("
                + grid.rows()
                + " x "
                + grid.columns()
                + ") and an end token at id "
                + i);
      }
      out.image(grid);
      i = after;
    }
    if (next != sources.size()) {
      throw new InvalidRequestException(
          "Cannot read the prompt: it has placeholders for "
              + next
              + " source image(s), but there are "
              + sources.size());
    }
    decoded.forEach(out::image);
    out.text();
    return new RopePositions(out.axes, ids.length);
  }

  private static final class Writer {
    private final int[][] axes;
    private int index;
    private int position;

    Writer(int length) {
      axes = new int[3][length];
    }

    void text() {
      put(position, position, position);
      position++;
    }

    void image(Grid grid) {
      for (int row = 0; row < grid.rows(); row++) {
        for (int column = 0; column < grid.columns(); column++) {
          put(position, position + row, position + column);
        }
      }
      position += Math.max(grid.rows(), grid.columns());
    }

    private void put(int time, int height, int width) {
      axes[0][index] = time;
      axes[1][index] = height;
      axes[2][index] = width;
      index++;
    }
  }
}
