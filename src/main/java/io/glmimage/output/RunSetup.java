package io.glmimage.output;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run was asked to do, and with what.
 *
 * @param model the name of the model
 * @param adapters the LoRA adapters that are merged into the model
 * @param demonstration whether it is the embedded demonstration model
 * @param options all options by name, defaults filled in
 * @param optionsFingerprint digest of the options that decide the edited images
 * @param versions versions of this program and its environment, by name
 */
public record RunSetup(
    String model,
    List<Adapter> adapters,
    boolean demonstration,
    Map<String, String> options,
    String optionsFingerprint,
    Map<String, String> versions) {
  /**
   * A LoRA adapter.
   *
   * @param sha256 digest of its files
   */
  public record Adapter(String location, double scale, String sha256) {}

  public RunSetup {
    adapters = List.copyOf(adapters);
    options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    versions = Collections.unmodifiableMap(new LinkedHashMap<>(versions));
  }
}
