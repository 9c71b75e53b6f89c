package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** A missing case is a failure in the bundled folder, and skips the test in another one. */
class GoldensTest {
  @Test
  void theBundledFolderMustHaveEveryCase() {
    assumeTrue(System.getProperty("goldens.dir") == null, "another folder is given");
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> Goldens.cases("99_unknown"));
    assertTrue(e.getMessage().startsWith("No case 99_unknown* below "), e.getMessage());
  }

  @Test
  void anotherFolderNeedNotHaveEveryCase() {
    assumeTrue(System.getProperty("goldens.dir") != null, "the bundled folder is used");
    TestAbortedException e =
        assertThrows(TestAbortedException.class, () -> Goldens.cases("99_unknown"));
    assertTrue(e.getMessage().startsWith("No case 99_unknown* below "), e.getMessage());
  }

  @Test
  void nothingHappensIfTheFolderHasIt() {
    assertDoesNotThrow(() -> Goldens.require(true, "something"));
  }
}
