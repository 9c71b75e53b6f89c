package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Which row is in which slot, and for how many steps. Rows are plain values here. */
class SlotSchedulerTest {
  private record Row(String name, int tokens) {}

  /** Slots that check every call and write it down. */
  private static final class RecordedSlots implements SlotScheduler.Slots<Row> {
    final List<String> events = new ArrayList<>();
    final Map<String, Integer> drawn = new TreeMap<>();
    final List<Row> inSlots;

    RecordedSlots(int count) {
      inSlots = new ArrayList<>(Collections.nCopies(count, null));
    }

    @Override
    public int count() {
      return inSlots.size();
    }

    @Override
    public void admit(int slot, Row row) {
      assertNull(inSlots.get(slot), "slot " + slot + " is in use");
      inSlots.set(slot, row);
      assertNull(drawn.put(row.name(), 1), row.name() + " was admitted twice");
      events.add(row.name() + "->" + slot);
    }

    @Override
    public void step() {
      inSlots.forEach(
          row -> {
            if (row != null) {
              drawn.merge(row.name(), 1, Integer::sum);
            }
          });
      events.add("step");
    }

    @Override
    public void leave(int slot, Row row) {
      assertEquals(row, inSlots.set(slot, null));
      events.add(row.name() + "<-" + slot);
    }
  }

  private static RecordedSlots run(int slots, Row... rows) {
    RecordedSlots recorded = new RecordedSlots(slots);
    new SlotScheduler<>(recorded, Row::tokens).run(List.of(rows), () -> {});
    for (Row row : rows) {
      assertEquals(row.tokens(), recorded.drawn.get(row.name()), row.name());
    }
    return recorded;
  }

  @Test
  void rowsAreAdmittedInOrderAndLeaveAfterTheirLastToken() {
    RecordedSlots slots = run(2, new Row("a", 2), new Row("b", 3));
    assertEquals(List.of("a->0", "b->1", "step", "a<-0", "step", "b<-1"), slots.events);
  }

  @Test
  void aWaitingRowTakesTheFreeSlotBeforeTheNextStep() {
    RecordedSlots slots = run(2, new Row("a", 2), new Row("b", 4), new Row("c", 2));
    assertEquals(
        List.of("a->0", "b->1", "step", "a<-0", "c->0", "step", "c<-0", "step", "b<-1"),
        slots.events);
  }

  @Test
  void aRowOfOneTokenTakesNoStepAndItsSlotIsUsedAgainAtOnce() {
    RecordedSlots slots = run(1, new Row("a", 1), new Row("b", 1), new Row("c", 2));
    assertEquals(List.of("a->0", "a<-0", "b->0", "b<-0", "c->0", "step", "c<-0"), slots.events);
  }

  @Test
  void slotsWithoutARowStayEmpty() {
    RecordedSlots slots = run(4, new Row("a", 2));
    assertEquals(List.of("a->0", "step", "a<-0"), slots.events);
  }

  @Test
  void noRowsTakeNoStep() {
    assertEquals(List.of(), run(3).events);
  }

  @Test
  void everyStepIsReported() {
    RecordedSlots slots = new RecordedSlots(2);
    new SlotScheduler<>(slots, Row::tokens)
        .run(
            List.of(new Row("a", 2), new Row("b", 3), new Row("c", 1)),
            () -> slots.events.add("after"));
    assertEquals(
        List.of("a->0", "b->1", "step", "after", "a<-0", "c->0", "c<-0", "step", "after", "b<-1"),
        slots.events);
  }

  @Test
  void anyMixOfLengthsIsDecodedToItsEnd() {
    Random random = new Random(3);
    for (int round = 0; round < 50; round++) {
      Row[] rows = new Row[random.nextInt(20)];
      int tokens = 0;
      for (int i = 0; i < rows.length; i++) {
        rows[i] = new Row("row" + i, 1 + random.nextInt(9));
        tokens += rows[i].tokens();
      }
      int count = 1 + random.nextInt(6);
      RecordedSlots slots = run(count, rows);
      long steps = slots.events.stream().filter("step"::equals).count();
      assertTrue(steps <= tokens - rows.length, steps + " steps");
      assertTrue(steps * count >= tokens - rows.length, steps + " steps");
      assertEquals(Collections.nCopies(count, null), slots.inSlots);
    }
  }
}
