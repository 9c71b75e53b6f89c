package io.glmimage.spark.manifest;

import io.glmimage.image.SourceTrait;
import java.io.Serializable;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Numbers of source images by their traits.
 *
 * @param images all source images
 * @param traits without those that no image has
 */
public record TraitCounts(long images, Map<SourceTrait, Long> traits) implements Serializable {
  static final TraitCounts NONE = new TraitCounts(0, Map.of());

  static TraitCounts of(List<Set<SourceTrait>> images) {
    Map<SourceTrait, Long> traits = new EnumMap<>(SourceTrait.class);
    images.forEach(found -> found.forEach(trait -> traits.merge(trait, 1L, Long::sum)));
    return new TraitCounts(images.size(), traits);
  }

  TraitCounts and(TraitCounts other) {
    if (other.images == 0) {
      return this;
    }
    Map<SourceTrait, Long> both = new EnumMap<>(SourceTrait.class);
    both.putAll(traits);
    other.traits.forEach((trait, count) -> both.merge(trait, count, Long::sum));
    return new TraitCounts(images + other.images, both);
  }

  /** All counts by label, zeros included. */
  public Map<String, Long> byLabel() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("read", images);
    for (SourceTrait trait : SourceTrait.values()) {
      counts.put(trait.label(), traits.getOrDefault(trait, 0L));
    }
    return counts;
  }
}
