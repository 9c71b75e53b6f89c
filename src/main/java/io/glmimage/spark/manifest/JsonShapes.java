package io.glmimage.spark.manifest;

import io.glmimage.manifest.JsonShape;
import java.util.Iterator;
import org.apache.spark.util.AccumulatorV2;

/**
 * Finds the shape of all lines while another job reads them. Each task adds its lines when it has
 * read them all; a task that runs twice changes nothing.
 */
final class JsonShapes extends AccumulatorV2<JsonShape, JsonShape> {
  private static final long serialVersionUID = 1L;

  /** Never changed once it is here: heartbeats send it from another thread. */
  private volatile JsonShape shape;

  /** A line of a manifest, and its name in messages. */
  record Line(String text, String place) {}

  /** The lines of one task, which are added when the last one has been taken. */
  Iterator<String> read(Iterator<Line> lines) {
    JsonShape read = new JsonShape();
    return new Iterator<>() {
      private boolean added;

      @Override
      public boolean hasNext() {
        boolean more = lines.hasNext();
        if (!more && !added) {
          added = true;
          add(read);
        }
        return more;
      }

      @Override
      public String next() {
        Line line = lines.next();
        read.add(line.text(), line.place());
        return line.text();
      }
    };
  }

  @Override
  public boolean isZero() {
    return shape == null;
  }

  @Override
  public AccumulatorV2<JsonShape, JsonShape> copy() {
    JsonShapes copy = new JsonShapes();
    copy.shape = shape;
    return copy;
  }

  @Override
  public void reset() {
    shape = null;
  }

  @Override
  public void add(JsonShape added) {
    JsonShape sum = new JsonShape();
    sum.add(value());
    sum.add(added);
    shape = sum;
  }

  @Override
  public void merge(AccumulatorV2<JsonShape, JsonShape> other) {
    add(other.value());
  }

  @Override
  public JsonShape value() {
    JsonShape now = shape;
    return now == null ? new JsonShape() : now;
  }
}
