package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class HostMemoryTest {
  @TempDir private Path root;

  @Test
  void withoutLimitsItIsWhatTheKernelCallsAvailable() throws IOException {
    write("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\nSwapFree:  0 kB\n");
    write("proc/self/cgroup", "0::/\n");

    assertEquals(OptionalLong.of(4000L << 10), HostMemory.free(root));
  }

  @Test
  void theLimitOfAContainerCountsLessWhatItsProcessesUse() throws IOException {
    write("proc/meminfo", "MemAvailable: 4000000 kB\nSwapFree: 0 kB\n");
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "1000000\n");
    write("sys/fs/cgroup/memory.current", "900000\n");
    write(
        "sys/fs/cgroup/memory.stat",
        "anon 300000\ninactive_file 500000\nactive_file 100000\nslab_reclaimable 50000\n");

    assertEquals(OptionalLong.of(750000), HostMemory.free(root));
  }

  @Test
  void theTightestOfNestedGroupsCounts() throws IOException {
    write("proc/meminfo", "MemAvailable: 4000000 kB\nSwapFree: 0 kB\n");
    write("proc/self/cgroup", "0::/pods/executor\n");
    group("sys/fs/cgroup/pods/executor", "max", "10");
    group("sys/fs/cgroup/pods", "5000", "2000");

    assertEquals(OptionalLong.of(3000), HostMemory.free(root));
  }

  @Test
  void olderControlGroupsCount() throws IOException {
    write("proc/meminfo", "MemAvailable: 4000000 kB\nSwapFree: 0 kB\n");
    write("proc/self/cgroup", "5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "8000\n");
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000\n");
    write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 1000\n");

    assertEquals(OptionalLong.of(6000), HostMemory.free(root));
  }

  @Test
  void freeSwapIsAdded() throws IOException {
    write("proc/meminfo", "MemAvailable: 10 kB\nSwapFree: 5 kB\n");

    assertEquals(OptionalLong.of(15L << 10), HostMemory.free(root));
  }

  @Test
  void aSystemThatReportsNothingIsUnknown() {
    assertEquals(OptionalLong.empty(), HostMemory.free(root));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void thisMachineReportsMoreThanATestNeeds() {
    assertTrue(HostMemory.free().orElse(0) > 1 << 20);
  }

  private void group(String folder, String limit, String used) throws IOException {
    write(folder + "/memory.max", limit + "\n");
    write(folder + "/memory.current", used + "\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
