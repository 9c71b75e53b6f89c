package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class HostProcessTest {
  @Test
  @EnabledOnOs(OS.LINUX)
  void aLivingProcessIsKnownByTheTicksSinceTheBootOfItsHost() throws Exception {
    HostProcess process = HostProcess.parse(HostProcess.current().toString());
    assertEquals(HostProcess.current(), process);
    assertTrue(process.isAlive());
    assertFalse(process.isDead());
    // Not by a date, which moves when the clock is set.
    String stat = Files.readString(Path.of("/proc/self/stat"));
    assertEquals(
        stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[19], process.start() + "");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aProcessThatEndedIsDeadAlsoWhereAnotherHasItsNumber() throws Exception {
    HostProcess own = HostProcess.current();
    HostProcess earlier = new HostProcess(own.host(), own.pid(), own.start() - 1);
    assertTrue(earlier.isDead());
    assertFalse(earlier.isAlive());
    Process child = new ProcessBuilder("sleep", "60").start();
    String stat = Files.readString(Path.of("/proc/" + child.pid() + "/stat"));
    HostProcess living = new HostProcess(own.host(), child.pid(), HostProcess.startOf(stat));
    assertTrue(living.isAlive());
    child.destroyForcibly().waitFor();
    assertTrue(living.isDead());
  }

  @Test
  void theStartIsReadAfterAnyProcessName() {
    String after = " S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 31 0 98765 11 12";
    assertEquals(98765, HostProcess.startOf("7 (java)" + after));
    assertEquals(98765, HostProcess.startOf("7 (a) b (c 1 2)" + after));
    assertEquals(-1, HostProcess.startOf(""));
  }

  @Test
  void processesOfOtherHostsAndUnknownTextsAreNeitherAliveNorDead() {
    HostProcess own = HostProcess.current();
    for (String text :
        new String[] {"", "x", "a 1 b", "elsewhere " + own.pid() + " " + own.start(), "a b 3"}) {
      assertFalse(HostProcess.parse(text).isAlive(), text);
      assertFalse(HostProcess.parse(text).isDead(), text);
    }
  }
}
