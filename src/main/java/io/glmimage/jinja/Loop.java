package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;

/** Runs a {@code for} statement; inside its body, the variable {@code loop}. */
final class Loop {
  private final Statement.For statement;
  private final Interpreter in;

  Loop(Statement.For statement, Interpreter in) {
    this.statement = statement;
    this.in = in;
  }

  Statement.Flow run(Object value, int depth) {
    Scope around = in.scope();
    List<Object> items = taken(Values.items(value), around);
    boolean completed = false;
    State state = new State(items, depth, around);
    for (int i = 0; i < items.size(); i++) {
      state.index = i;
      Scope scope = new Scope(around);
      scope.set("loop", state);
      Object item = items.get(i);
      Statement.Flow flow =
          in.within(
              scope,
              () -> {
                statement.target().assign(in, item);
                return in.run(statement.body());
              });
      completed |= flow == Statement.Flow.NEXT;
      if (flow == Statement.Flow.BREAK) {
        break;
      }
    }
    // As in Jinja: also if every item was left with "continue" or "break".
    return completed
        ? Statement.Flow.NEXT
        : in.within(new Scope(around), () -> in.run(statement.otherwise()));
  }

  private List<Object> taken(List<Object> items, Scope around) {
    // A copy: the body could otherwise see later changes.
    List<Object> taken = new ArrayList<>();
    for (Object item : items) {
      Budget.use(1);
      boolean takes =
          statement.filter() == null
              || in.within(
                  new Scope(around),
                  () -> {
                    statement.target().assign(in, item);
                    return Values.truth(in.value(statement.filter()));
                  });
      if (takes) {
        taken.add(item);
      }
    }
    return taken;
  }

  /** The variable {@code loop}. */
  private final class State implements Function, Methods.Attributed {
    private final List<Object> items;
    private final int depth;
    private final Scope around;
    private int index;
    private List<Object> lastChanged;

    private State(List<Object> items, int depth, Scope around) {
      this.items = items;
      this.depth = depth;
      this.around = around;
    }

    @Override
    public Object attribute(String name) {
      int size = items.size();
      return switch (name) {
        case "index" -> index + 1L;
        case "index0" -> (long) index;
        case "revindex" -> (long) size - index;
        case "revindex0" -> size - index - 1L;
        case "first" -> index == 0;
        case "last" -> index == size - 1;
        case "length" -> (long) size;
        case "depth" -> depth + 1L;
        case "depth0" -> (long) depth;
        case "previtem" ->
            index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
        case "nextitem" ->
            index < size - 1 ? items.get(index + 1) : new Undefined("there is no next item");
        case "cycle" -> (Function) this::cycle;
        case "changed" -> (Function) this::changed;
        default -> Methods.ABSENT;
      };
    }

    private Object cycle(Arguments arguments) {
      List<Object> values = arguments.positional();
      if (values.isEmpty()) {
        throw new JinjaException("loop.cycle has no values");
      }
      return values.get(index % values.size());
    }

    private Object changed(Arguments arguments) {
      if (lastChanged != null && Values.equal(lastChanged, arguments.positional())) {
        return false;
      }
      lastChanged = arguments.positional();
      return true;
    }

    /** {@code loop(items)}: the text of the same loop over other items. */
    @Override
    public Object call(Arguments arguments) {
      if (!statement.recursive() || arguments.positional().size() != 1) {
        throw new JinjaException("only a loop with \"recursive\" can be called, with the items");
      }
      Budget.enter();
      try {
        return in.capture(around, () -> run(arguments.positional().get(0), depth + 1)).text();
      } finally {
        Budget.leave();
      }
    }
  }
}
