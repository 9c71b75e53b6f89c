package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * LoRA adapters whose layers have found the weights that they change. Adapters are merged in the
 * order in which they were given.
 */
final class BoundAdapters {
  static final BoundAdapters NONE = new BoundAdapters(List.of());

  /** What a module of each component may be called with less than its whole name. */
  private static final Map<String, List<String>> PARENTS =
      Map.of("vision_language_encoder", List.of("", "model.", "model.language_model."));

  /** One layer's change to one weight. */
  private record Change(LoraLayer layer, double scale) {}

  /** A weight of the model. */
  private record Target(String component, String weight) {}

  private final Map<Target, List<Change>> changes = new HashMap<>();
  private final List<AdapterReport> reports;

  private BoundAdapters(List<AdapterReport> reports) {
    this.reports = reports;
  }

  /**
   * Finds the weights that adapters change.
   *
   * @param shapes of all tensors, by component and name
   * @param problems receives the first problem of each adapter
   */
  static BoundAdapters bind(
      List<Adapter> adapters,
      Map<String, Map<String, long[]>> shapes,
      Consumer<CheckpointException> problems) {
    BoundAdapters bound = new BoundAdapters(new ArrayList<>());
    for (Adapter adapter : adapters) {
      try {
        bound.add(adapter, shapes);
      } catch (CheckpointException e) {
        problems.accept(e);
      }
    }
    return bound;
  }

  private void add(Adapter adapter, Map<String, Map<String, long[]>> shapes) {
    List<String> problems = new ArrayList<>();
    Set<Target> seen = new HashSet<>();
    SortedMap<String, Integer> layers = new TreeMap<>();
    for (LoraLayer layer : LoraReader.read(adapter)) {
      Optional<Target> target = find(layer, shapes);
      Optional<String> problem =
          target.isEmpty()
              ? Optional.of(
                  "tensor "
                      + layer.down()
                      + " changes a layer that the model does not have ("
                      + layer.module()
                      + ")")
              : problem(layer, target.get(), shapes, seen);
      problem.ifPresent(problems::add);
      if (problem.isEmpty()) {
        layers.merge(target.get().component(), 1, Integer::sum);
        if (adapter.scale() != 0) {
          changes
              .computeIfAbsent(target.get(), k -> new ArrayList<>())
              .add(new Change(layer, adapter.scale()));
        }
      }
    }
    if (!problems.isEmpty()) {
      int more = problems.size() - 1;
      throw AdapterFiles.refused(
          adapter.name(),
          problems.get(0)
              + (more == 0 ? "" : "; " + more + (more == 1 ? " layer" : " layers") + " more differ")
              + ": was it trained on this model?");
    }
    reports.add(new AdapterReport(adapter.name(), adapter.scale(), layers));
  }

  private static Optional<String> problem(
      LoraLayer layer, Target target, Map<String, Map<String, long[]>> shapes, Set<Target> seen) {
    if (!AdapterFiles.COMPONENTS.contains(target.component())) {
      return Optional.of(
          "tensor "
              + layer.down()
              + " changes "
              + target.component()
              + ", but adapters can change only "
              + String.join(" and ", AdapterFiles.COMPONENTS));
    }
    if (!seen.add(target)) {
      return Optional.of(
          "tensor " + layer.down() + " changes " + target.weight() + ", as another tensor does");
    }
    return layer.problem(target.weight(), shapes.get(target.component()).get(target.weight()));
  }

  /** The weight of a layer; of another component than adapters can change, if it is that. */
  private static Optional<Target> find(LoraLayer layer, Map<String, Map<String, long[]>> shapes) {
    for (Map.Entry<String, Map<String, long[]>> component : shapes.entrySet()) {
      if (layer.component().isEmpty() || layer.component().equals(component.getKey())) {
        for (String parent : PARENTS.getOrDefault(component.getKey(), List.of(""))) {
          String weight = parent + layer.module() + ".weight";
          if (component.getValue().containsKey(weight)) {
            return Optional.of(new Target(component.getKey(), weight));
          }
        }
        // Some trainers write underscores in place of dots.
        String flat = layer.module() + "_weight";
        for (String weight : component.getValue().keySet()) {
          if (layer.module().indexOf('.') < 0 && weight.replace('.', '_').equals(flat)) {
            return Optional.of(new Target(component.getKey(), weight));
          }
        }
      }
    }
    boolean foreign =
        !layer.component().isEmpty() && !AdapterFiles.COMPONENTS.contains(layer.component());
    return foreign ? Optional.of(new Target(layer.component(), layer.module())) : Optional.empty();
  }

  /** Whether adapters change a tensor. */
  boolean change(String component, String tensor) {
    return changes.containsKey(new Target(component, tensor));
  }

  /**
   * A tensor with the changes of all adapters, in float32.
   *
   * @param stored the tensor of the checkpoint
   * @return of the caller's scope
   */
  Tensor merged(String component, String tensor, Tensor stored, Compute compute) {
    try (TensorScope scope = new TensorScope()) {
      Tensor merged = Ops.to(stored, compute, ScalarType.Float);
      for (Change change : changes.get(new Target(component, tensor))) {
        merged = change.layer().addTo(merged, compute, change.scale());
      }
      return scope.keep(merged);
    }
  }

  /** The adapters that fit the model. */
  List<AdapterReport> reports() {
    return List.copyOf(reports);
  }
}
