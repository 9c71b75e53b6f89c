package io.glmimage.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Members as Scala's compiler makes them, before and after a version added parameters. */
class ScalaMemberTest {
  /** Before. */
  public static final class Old {
    final int code;

    public Old(int code) {
      this.code = code;
    }

    public String put(String id, boolean tell, Class<?> tag) {
      return id + tell + tag.getSimpleName();
    }
  }

  /**
   * After: {@code cause = "none"}, and {@code sum = 7} and {@code visible = true} in the middle.
   */
  public static final class Grown {
    final int code;
    final String cause;

    public Grown(int code, String cause) {
      this.code = code;
      this.cause = cause;
    }

    public static String $lessinit$greater$default$2() {
      return "none";
    }

    public String put(String id, boolean tell, long sum, boolean visible, Class<?> tag) {
      return id + tell + sum + visible + tag.getSimpleName();
    }

    public long put$default$3() {
      return 7;
    }

    public boolean put$default$4() {
      return true;
    }

    public void withoutDefault(int first, int second) {}

    public void fails(RuntimeException failure) {
      throw failure;
    }

    public void stops(Exception failure) throws Exception {
      if (failure != null) {
        throw failure;
      }
    }
  }

  @Test
  void aMemberWithoutNewParametersIsCalledWithTheArguments() {
    assertEquals(3, ScalaMember.create(Old.class, List.of(3)).code);
    assertEquals(
        "atrueint", ScalaMember.call(new Old(0), "put", List.of("a", true), List.of(int.class)));
  }

  @Test
  void parametersThatAVersionAddsGetTheirDefaults() {
    Grown made = ScalaMember.create(Grown.class, List.of(3));
    assertEquals("3 none", made.code + " " + made.cause);
    assertEquals(
        "atrue7trueint", ScalaMember.call(made, "put", List.of("a", true), List.of(int.class)));
  }

  @Test
  void aMemberThatIsMissingOrHasNoDefaultsIsNamed() {
    Grown target = new Grown(0, "");
    assertEquals(
        "Cannot call Spark's Grown.take: this version of Spark has none with 1 or more parameters;"
            + " use a version in the table of clusters.md",
        assertThrows(
                IllegalStateException.class,
                () -> ScalaMember.call(target, "take", List.of(1), List.of()))
            .getMessage());
    assertEquals(
        "Cannot call Spark's Grown.withoutDefault: java.lang.NoSuchMethodException: "
            + Grown.class.getName()
            + ".withoutDefault$default$2(); this version of Spark has other parameters: use one in"
            + " the table of clusters.md",
        assertThrows(
                IllegalStateException.class,
                () -> ScalaMember.call(target, "withoutDefault", List.of(1), List.of()))
            .getMessage());
  }

  @Test
  void aFailureOfTheMemberIsThrownAsItIs() {
    RuntimeException failure = new UnsupportedOperationException("full");
    assertSame(
        failure,
        assertThrows(
            UnsupportedOperationException.class,
            () -> ScalaMember.call(new Grown(0, ""), "fails", List.of(failure), List.of())));
  }

  @Test
  void anUndeclaredFailureOfTheMemberIsTheCauseAndAnInterruptIsKept() {
    Grown target = new Grown(0, "");
    for (Exception failure : List.of(new IOException("full"), new InterruptedException())) {
      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () -> ScalaMember.call(target, "stops", List.of(failure), List.of()));
      assertSame(failure, thrown.getCause());
      assertEquals("Cannot call Spark's Grown.stops: " + failure, thrown.getMessage());
      assertEquals(failure instanceof InterruptedException, Thread.interrupted());
    }
  }
}
