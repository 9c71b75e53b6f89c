package ai.djl.spark.translator.binary;

import ai.djl.Model;
import ai.djl.translate.ArgumentsUtil;
import ai.djl.translate.Batchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import java.io.Serializable;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Set;

/**
 * Replaces the class of this name in the DJL Spark extension, whose BinaryPredictor sends it to the
 * tasks by default.
 */
public final class NpBinaryTranslatorFactory implements TranslatorFactory, Serializable {
  private static final long serialVersionUID = 1L;

  @Override
  public Set<Pair<Type, Type>> getSupportedTypes() {
    return Set.of(new Pair<>(byte[].class, byte[].class));
  }

  @Override
  @SuppressWarnings("unchecked")
  public <I, O> Translator<I, O> newInstance(
      Class<I> input, Class<O> output, Model model, Map<String, ?> arguments) {
    String batchifier = ArgumentsUtil.stringValue(arguments, "batchifier", "none");
    return (Translator<I, O>) new NpBinaryTranslator(Batchifier.fromString(batchifier));
  }
}
