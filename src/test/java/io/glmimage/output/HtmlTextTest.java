package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HtmlTextTest {
  @Test
  void timesHaveTheUnitThatFitsThem() {
    assertEquals("0.35 ms", HtmlText.duration(0.00035));
    assertEquals("34 ms", HtmlText.duration(0.034));
    assertEquals("2.50 s", HtmlText.duration(2.5));
    assertEquals("4 min 10 s", HtmlText.duration(250));
    assertEquals("3 h 5 min", HtmlText.duration(3 * 3600 + 5 * 60));
  }

  @Test
  void tracesOfRoundingAreNoTime() {
    assertEquals("0 ms", HtmlText.duration(0));
    assertEquals("0 ms", HtmlText.duration(1.7e-15));
  }
}
