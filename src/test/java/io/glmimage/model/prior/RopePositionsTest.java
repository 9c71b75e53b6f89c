package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.model.Grid;
import java.util.List;
import org.junit.jupiter.api.Test;

class RopePositionsTest {
  private static final int START = 90;
  private static final int END = 91;
  private static final int IMAGE = 99;

  private static RopePositions of(int[] ids, List<Grid> sources, Grid... decoded) {
    return RopePositions.of(ids, sources, List.of(decoded), START, IMAGE, END);
  }

  @Test
  void anImageIsABlockAndTextGoesOnAfterItsLongerSide() {
    int[] ids = {START, IMAGE, IMAGE, END, 5, START};
    int[][] axes = of(ids, List.of(new Grid(1, 2)), new Grid(2, 1)).axes();
    assertArrayEquals(new int[] {0, 1, 1, 3, 4, 5, 6, 6, 8}, axes[0]);
    assertArrayEquals(new int[] {0, 1, 1, 3, 4, 5, 6, 7, 8}, axes[1]);
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 6, 8}, axes[2]);
  }

  @Test
  void startAndEndTokensInTheTextAreText() {
    int[] ids = {START, IMAGE, END, END, START, START};
    int[][] axes = of(ids, List.of(new Grid(1, 1)), new Grid(1, 1)).axes();
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, axes[0]);
  }

  @Test
  void aDraftWithoutTokensStillAdvances() {
    int[][] axes = of(new int[] {START}, List.of(), new Grid(0, 3), new Grid(1, 1)).axes();
    assertArrayEquals(new int[] {0, 4, 5}, axes[0]);
  }

  @Test
  void saysWhatDoesNotFit() {
    int[] ids = {START, IMAGE, IMAGE, END, START};
    assertEquals(
        "Cannot read the prompt: it has more image placeholders than its 0 source image(s)",
        assertThrows(InvalidRequestException.class, () -> of(ids, List.of(), new Grid(1, 1)))
            .getMessage());
    assertEquals(
        "Cannot read the prompt: source image 1 needs a start token, 3 placeholders (3 x 1) and an"
            + " end token at id 1",
        assertThrows(
                InvalidRequestException.class,
                () -> of(ids, List.of(new Grid(3, 1)), new Grid(1, 1)))
            .getMessage());
    assertEquals(
        "Cannot read the prompt: it has placeholders for 1 source image(s), but there are 2",
        assertThrows(
                InvalidRequestException.class,
                () -> of(ids, List.of(new Grid(1, 2), new Grid(1, 2)), new Grid(1, 1)))
            .getMessage());
  }
}
