package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ShortLivedTest {
  private long now;
  private int found;

  private ShortLived<Integer> lasting(Duration lifetime, Duration search) {
    return new ShortLived<>(
        () -> {
          now += search.toNanos();
          return ++found;
        },
        lifetime,
        () -> now);
  }

  @Test
  void aValueIsFoundAgainAfterItsLifetime() {
    ShortLived<Integer> value = lasting(Duration.ofSeconds(10), Duration.ZERO);
    assertEquals(1, value.get());
    now += Duration.ofSeconds(10).toNanos() - 1;
    assertEquals(1, value.get());
    now += 1;
    assertEquals(2, value.get());
  }

  @Test
  void theTimeThatASearchTakesIsNoPartOfTheLifetime() {
    ShortLived<Integer> value = lasting(Duration.ofSeconds(10), Duration.ofMinutes(1));
    assertEquals(1, value.get());
    assertEquals(1, value.get());
  }

  @Test
  void aFailureIsSharedForAsLong() {
    ShortLived<Integer> value =
        new ShortLived<>(
            () -> {
              throw new IllegalStateException("search " + ++found);
            },
            Duration.ofSeconds(10),
            () -> now);
    IllegalStateException first = assertThrows(IllegalStateException.class, value::get);
    assertSame(first, assertThrows(IllegalStateException.class, value::get));
    now += Duration.ofSeconds(10).toNanos();
    assertEquals("search 2", assertThrows(IllegalStateException.class, value::get).getMessage());
  }
}
