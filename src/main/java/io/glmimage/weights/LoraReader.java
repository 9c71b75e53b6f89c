package io.glmimage.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.error.CheckpointException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the layers of a LoRA adapter from the headers of its files. The names of PEFT ({@code
 * base_model.model.LAYER.lora_A.weight}), of diffusers ({@code transformer.LAYER.lora_A.weight},
 * {@code LAYER.lora.down.weight}) and of other trainers ({@code
 * lora_transformer_LAYER.lora_down.weight}, {@code LAYER.alpha}) are understood.
 */
final class LoraReader {
  /** The key of diffusers' configuration in the metadata of a safetensors file. */
  private static final String METADATA = "lora_adapter_metadata";

  private static final Pattern MATRIX =
      Pattern.compile(
          "(?<layer>.+)\\.(?:(?<down>lora_A|lora_down|lora\\.down|lora_embedding_A)"
              + "|(?<up>lora_B|lora_up|lora\\.up|lora_embedding_B))"
              // A name that PEFT removes when it saves an adapter.
              + "(?:\\.(?!weight$|bias$)\\w+)?(?:\\.weight)?");

  private static final Pattern ALPHA = Pattern.compile("(?<layer>.+)\\.alpha");

  /** Parts of tensor names of other methods. */
  private static final Map<String, String> OTHER_METHODS = new LinkedHashMap<>();

  static {
    OTHER_METHODS.put("lora_magnitude_vector", "DoRA");
    OTHER_METHODS.put("dora_scale", "DoRA");
    OTHER_METHODS.put(".hada_", "LoHa");
    OTHER_METHODS.put(".lokr_", "LoKr");
    OTHER_METHODS.put(".ia3_", "IA3");
    OTHER_METHODS.put("boft_", "BOFT");
    OTHER_METHODS.put("oft_", "OFT");
    OTHER_METHODS.put("vera_", "VeRA");
    OTHER_METHODS.put("lora_mid", "LoRA with a middle matrix");
    OTHER_METHODS.put("modules_to_save", "LoRA with whole layers (modules_to_save)");
    OTHER_METHODS.put(".bias", "LoRA with biases");
  }

  /** Starts of layer names that stand for a component, or for nothing. */
  private static final Map<String, String> PREFIXES = new LinkedHashMap<>();

  static {
    PREFIXES.put("base_model.model.", "");
    PREFIXES.put("transformer.", "transformer");
    PREFIXES.put("model.diffusion_model.", "transformer");
    PREFIXES.put("diffusion_model.", "transformer");
    PREFIXES.put("vision_language_encoder.", "vision_language_encoder");
    PREFIXES.put("text_encoder.", "text_encoder");
    PREFIXES.put("lora_te_", "text_encoder");
    PREFIXES.put("vae.", "vae");
    PREFIXES.put("lora_unet_", "transformer");
    PREFIXES.put("lora_transformer_", "transformer");
    PREFIXES.put("lycoris_", "transformer");
  }

  private final Adapter adapter;
  private final List<LoraLayer> layers = new ArrayList<>();

  private LoraReader(Adapter adapter) {
    this.adapter = adapter;
  }

  /**
   * The layers of an adapter, in the natural order of their names.
   *
   * @throws CheckpointException if the folder holds no LoRA adapter, or its files cannot be read
   */
  static List<LoraLayer> read(Adapter adapter) {
    LoraReader reader = new LoraReader(adapter);
    try {
      for (AdapterFiles.Part part :
          AdapterFiles.parts(new LocalFileSource(adapter.folder()), adapter.name())) {
        reader.read(part);
      }
    } catch (IOException e) {
      throw AdapterFiles.refused(adapter.name(), "cannot read it: " + e);
    }
    return reader.layers;
  }

  private void read(AdapterFiles.Part part) throws IOException {
    SafetensorsFile file = open(part.weights());
    Map<String, LoraConfig> configs = configs(part, file);
    Map<String, Names> byLayer =
        new TreeMap<>(Comparator.comparing(ReadAhead::naturalKey).thenComparing(x -> x));
    for (String name : file.names()) {
      put(byLayer, name);
    }
    if (byLayer.isEmpty()) {
      throw refused(part.weights() + " has no tensors");
    }
    List<LoraLayer> found = new ArrayList<>();
    byLayer.forEach((layer, names) -> found.add(layer(part, layer, names, file, configs)));
    checkScales(found, part);
    layers.addAll(found);
  }

  private SafetensorsFile open(String path) {
    try {
      return SafetensorsFile.open(adapter.folder().resolve(path));
    } catch (CheckpointException e) {
      throw refused(
          e.getMessage()
              .replace("Cannot load model: ", "")
              .replace(adapter.folder().resolve(path).toString(), path));
    }
  }

  /** By component; under an empty name, that of all layers. */
  private Map<String, LoraConfig> configs(AdapterFiles.Part part, SafetensorsFile file)
      throws IOException {
    String where = part.config() == null ? part.weights() : part.config();
    try {
      if (part.config() != null) {
        JsonNode config =
            Json.MAPPER.readTree(Files.readAllBytes(adapter.folder().resolve(part.config())));
        if (config == null || !config.isObject()) {
          throw refused(where + " is not a JSON object");
        }
        return Map.of("", LoraConfig.of(config, where, adapter.name()));
      }
      String metadata = file.metadata().get(METADATA);
      return metadata == null
          ? Map.of()
          : LoraConfig.byComponent(
              Json.MAPPER.readTree(metadata), where + " (" + METADATA + ")", adapter.name());
    } catch (JsonProcessingException e) {
      throw refused(where + " is not valid JSON: " + e.getOriginalMessage());
    }
  }

  /** The tensors of one layer. */
  private static final class Names {
    String down;
    String up;
    String alpha;
    boolean embedding;
  }

  private void put(Map<String, Names> byLayer, String name) {
    Matcher matrix = MATRIX.matcher(name);
    Matcher alpha = ALPHA.matcher(name);
    if (matrix.matches()) {
      Names names = byLayer.computeIfAbsent(matrix.group("layer"), k -> new Names());
      boolean down = matrix.group("down") != null;
      String present = down ? names.down : names.up;
      if (present != null) {
        throw refused("tensors " + present + " and " + name + " are for the same layer");
      }
      if (down) {
        names.down = name;
      } else {
        names.up = name;
      }
      names.embedding |= name.contains(".lora_embedding_");
    } else if (alpha.matches()) {
      byLayer.computeIfAbsent(alpha.group("layer"), k -> new Names()).alpha = name;
    } else {
      throw refused(
          OTHER_METHODS.entrySet().stream()
              .filter(method -> name.contains(method.getKey()))
              .findFirst()
              .map(
                  method ->
                      "tensor "
                          + name
                          + " shows an adapter of another kind ("
                          + method.getValue()
                          + "), which is not supported: merge it into the model first, and give the"
                          + " merged model with --model")
              .orElse("tensor " + name + " does not belong to a LoRA adapter"));
    }
  }

  private LoraLayer layer(
      AdapterFiles.Part part,
      String layer,
      Names names,
      SafetensorsFile file,
      Map<String, LoraConfig> configs) {
    if (names.down == null || names.up == null) {
      String present = names.down != null ? names.down : names.up != null ? names.up : names.alpha;
      throw refused("tensor " + present + " has no counterpart: the layer has two matrices");
    }
    String component = part.component();
    String module = layer;
    for (Map.Entry<String, String> prefix : PREFIXES.entrySet()) {
      boolean named = !prefix.getValue().isEmpty();
      if (module.startsWith(prefix.getKey()) && !(named && !component.isEmpty())) {
        module = module.substring(prefix.getKey().length());
        component = named ? prefix.getValue() : component;
      }
    }
    LoraConfig config = configs.getOrDefault(component, configs.getOrDefault("", LoraConfig.NONE));
    return new LoraLayer(
        adapter.name(),
        component,
        module,
        file,
        names.down,
        names.up,
        names.alpha,
        names.embedding,
        config);
  }

  /** Without a configuration and alphas, several ranks leave open how layers are scaled. */
  private void checkScales(List<LoraLayer> found, AdapterFiles.Part part) {
    List<LoraLayer> unknown =
        found.stream().filter(l -> l.alpha() == null && l.config() == LoraConfig.NONE).toList();
    if (unknown.size() == found.size()
        && unknown.stream().mapToLong(LoraLayer::rank).distinct().count() > 1) {
      throw refused(
          part.weights()
              + " has layers of several ranks, and neither a configuration nor alpha tensors say"
              + " how they are scaled: add the adapter_config.json of the training");
    }
  }

  private CheckpointException refused(String why) {
    return AdapterFiles.refused(adapter.name(), why);
  }
}
