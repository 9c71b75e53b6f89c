package io.glmimage.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * The configuration of a LoRA adapter, as PEFT's {@code LoraConfig} has it: the rank and alpha of
 * every layer, and how they give the scale.
 */
final class LoraConfig {
  /** Weights without a configuration: alpha is the rank unless a tensor says otherwise. */
  static final LoraConfig NONE = new LoraConfig(null, Map.of(), null, Map.of(), false);

  /** PEFT's defaults of {@code r} and {@code lora_alpha}. */
  private static final int DEFAULT = 8;

  /** Settings of other methods. They may be absent, null, false or empty. */
  private static final List<String> OTHER_METHODS =
      List.of(
          "use_dora",
          "use_qalora",
          "use_bdlora",
          "lora_bias",
          "modules_to_save",
          "trainable_token_indices",
          "alora_invocation_tokens",
          "target_parameters",
          "layer_replication",
          "arrow_config",
          "kasa_config",
          "monteclora_config");

  /** Ways to begin the training that leave the base model's weights as they are. */
  private static final Set<String> PLAIN_INITS =
      Set.of("gaussian", "orthogonal", "eva", "default", "true", "false");

  private final Double rank;
  private final Map<Pattern, Double> ranks;
  private final Double alpha;
  private final Map<Pattern, Double> alphas;
  private final boolean rankStabilized;

  private LoraConfig(
      Double rank,
      Map<Pattern, Double> ranks,
      Double alpha,
      Map<Pattern, Double> alphas,
      boolean rankStabilized) {
    this.rank = rank;
    this.ranks = ranks;
    this.alpha = alpha;
    this.alphas = alphas;
    this.rankStabilized = rankStabilized;
  }

  /**
   * @param file for messages
   * @param place the adapter's folder, for messages
   * @throws io.glmimage.error.CheckpointException if it describes something other than LoRA
   */
  static LoraConfig of(JsonNode config, String file, String place) {
    String type = config.path("peft_type").asText("LORA");
    if (!type.equals("LORA")) {
      throw AdapterFiles.refused(
          place, file + " has peft_type " + type + "; only LORA is supported");
    }
    for (String setting : OTHER_METHODS) {
      JsonNode value = config.path(setting);
      boolean off =
          value.isMissingNode()
              || value.isNull()
              || (value.isBoolean() && !value.asBoolean())
              || (value.isContainerNode() && value.isEmpty());
      if (!off) {
        throw unsupported(file, setting, value, place);
      }
    }
    if (!config.path("bias").asText("none").equals("none")) {
      throw unsupported(file, "bias", config.path("bias"), place);
    }
    JsonNode init = config.path("init_lora_weights");
    if (!init.isMissingNode() && !init.isNull() && !PLAIN_INITS.contains(init.asText())) {
      throw AdapterFiles.refused(
          place,
          file
              + " has init_lora_weights "
              + init
              + ", which belongs to a base model with other weights: save it as a plain LoRA"
              + " adapter");
    }
    return new LoraConfig(
        number(config, "r", file, place),
        pattern(config, "rank_pattern", file, place),
        number(config, "lora_alpha", file, place),
        pattern(config, "alpha_pattern", file, place),
        config.path("use_rslora").asBoolean());
  }

  private static RuntimeException unsupported(
      String file, String setting, JsonNode value, String place) {
    return AdapterFiles.refused(
        place,
        file
            + " has "
            + setting
            + " "
            + value
            + ", which is not supported: merge the adapter into the model first, and give the"
            + " merged model with --model");
  }

  private static double number(JsonNode config, String key, String file, String place) {
    JsonNode value = config.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return DEFAULT;
    }
    if (!value.isNumber()) {
      throw AdapterFiles.refused(place, file + " has " + key + " " + value + ", expected a number");
    }
    return value.asDouble();
  }

  private static Map<Pattern, Double> pattern(
      JsonNode config, String key, String file, String place) {
    Map<Pattern, Double> patterns = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : config.path(key).properties()) {
      if (!entry.getValue().isNumber()) {
        throw AdapterFiles.refused(
            place, file + " has " + key + " " + config.path(key) + ", expected numbers");
      }
      try {
        patterns.put(
            // A key is the end of a layer's name, from a dot on, and may be an expression.
            Pattern.compile("(.*\\.)?(" + entry.getKey() + ")"), entry.getValue().asDouble());
      } catch (PatternSyntaxException e) {
        throw AdapterFiles.refused(
            place, file + " has " + key + " with \"" + entry.getKey() + "\": " + e.getMessage());
      }
    }
    return patterns;
  }

  /**
   * The configurations of both components in one file of diffusers, whose keys are {@code
   * COMPONENT.KEY}, or without a component for one.
   */
  static Map<String, LoraConfig> byComponent(JsonNode metadata, String file, String place) {
    Map<String, LoraConfig> configs = new LinkedHashMap<>();
    List<String> components = new ArrayList<>(AdapterFiles.COMPONENTS);
    components.add("");
    for (String component : components) {
      String prefix = component.isEmpty() ? "" : component + ".";
      ObjectNode own = Json.MAPPER.createObjectNode();
      for (Map.Entry<String, JsonNode> entry : metadata.properties()) {
        if (entry.getKey().startsWith(prefix)) {
          own.set(entry.getKey().substring(prefix.length()), entry.getValue());
        }
      }
      if (own.has("r") || own.has("lora_alpha")) {
        configs.put(component, of(own, file, place));
      }
    }
    return configs;
  }

  /** The rank of a layer; empty if only its tensors tell. */
  OptionalInt rank(String module) {
    Double found = find(ranks, module, rank);
    return found == null ? OptionalInt.empty() : OptionalInt.of((int) Math.round(found));
  }

  /** The alpha of a layer; empty if a tensor may tell. */
  OptionalDouble alpha(String module) {
    Double found = find(alphas, module, alpha);
    return found == null ? OptionalDouble.empty() : OptionalDouble.of(found);
  }

  /** The factor of a layer's product. */
  double factor(double alphaOfLayer, long rankOfLayer) {
    double rank = (double) rankOfLayer;
    return alphaOfLayer / (rankStabilized ? Math.sqrt(rank) : rank);
  }

  private static Double find(Map<Pattern, Double> patterns, String module, Double otherwise) {
    for (Map.Entry<Pattern, Double> entry : patterns.entrySet()) {
      if (entry.getKey().matcher(module).matches()) {
        return entry.getValue();
      }
    }
    return otherwise;
  }
}
