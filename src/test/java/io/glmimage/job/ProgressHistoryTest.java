package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.output.EditFigures;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressHistoryTest {
  @Test
  void remembersAFewHundredMomentsHoweverLongTheJobRuns() {
    MomentList moments = new MomentList();
    for (int second = 1; second <= 100_000; second++) {
      moments.take(second, second * 2L, second / 10);
    }
    List<EditFigures.Moment> kept = moments.list();
    assertTrue(kept.size() <= MomentList.MOST, "" + kept.size());
    assertTrue(kept.size() > MomentList.MOST / 3, "" + kept.size());
    assertEquals(0, kept.get(0).seconds());
    assertTrue(kept.get(kept.size() - 1).seconds() > 98_000);
    for (int i = 1; i < kept.size(); i++) {
      assertTrue(kept.get(i).seconds() > kept.get(i - 1).seconds());
      assertEquals(Math.round(kept.get(i).seconds()) * 2, kept.get(i).done());
    }
  }
}
