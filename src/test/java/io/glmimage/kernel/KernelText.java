package io.glmimage.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The structure that the kernels of a {@code .cu} file take, as its text declares it: where each
 * field is and of which type, by the rules of C++.
 */
final class KernelText {
  private static final Path FOLDER = Path.of("src/main/resources/kernels");
  private static final Pattern ARGS =
      Pattern.compile("struct Args \\{\n(.*?)\n};\nEXPORT_ARGS_SIZE\n", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile(
          "(?:const )?(void\\*|int\\*|float\\*|long long\\*|int|float) (\\w+)(\\[(.+)])?");

  /** One element of the structure; elements of arrays are called {@code name[0]} and so on. */
  private record Field(String name, String type, int offset) {}

  private final List<Field> fields = new ArrayList<>();
  private final int bytes;

  private KernelText(String text) {
    Matcher args = ARGS.matcher(text);
    if (!args.find()) {
      throw new AssertionError("There is no structure Args followed by EXPORT_ARGS_SIZE");
    }
    int offset = 0;
    int alignment = 1;
    for (String line : args.group(1).split("\n")) {
      String declaration = line.replaceAll("//.*", "").strip().replaceAll(";$", "");
      Matcher field = FIELD.matcher(declaration);
      if (!field.matches()) {
        throw new AssertionError("Cannot read the field " + line);
      }
      String type = field.group(1).endsWith("*") ? "pointer" : field.group(1);
      int size = type.equals("pointer") ? Long.BYTES : Integer.BYTES;
      alignment = Math.max(alignment, size);
      int count = field.group(4) == null ? 1 : count(text, field.group(4));
      for (int i = 0; i < count; i++) {
        offset = (offset + size - 1) / size * size;
        String name = field.group(2) + (field.group(4) == null ? "" : "[" + i + "]");
        fields.add(new Field(name, type, offset));
        offset += size;
      }
    }
    bytes = (offset + alignment - 1) / alignment * alignment;
  }

  /** {@code kernels/NAME.cu}. */
  static KernelText of(String name) {
    try {
      return new KernelText(Files.readString(FOLDER.resolve(name + ".cu")));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read the kernel " + name, e);
    }
  }

  /** The names of all {@code .cu} files. */
  static Set<String> names() {
    try (Stream<Path> files = Files.list(FOLDER)) {
      TreeSet<String> names = new TreeSet<>();
      files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".cu"))
          .forEach(file -> names.add(file.substring(0, file.length() - 3)));
      return names;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list the kernels", e);
    }
  }

  /** {@code sizeof(Args)}. */
  int bytes() {
    return bytes;
  }

  /** The values of all fields by name: Long for a pointer, Integer or Float for a number. */
  Map<String, Object> read(ByteBuffer structure) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Field field : fields) {
      Object value =
          switch (field.type()) {
            case "pointer" -> structure.getLong(field.offset());
            case "int" -> structure.getInt(field.offset());
            default -> structure.getFloat(field.offset());
          };
      values.put(field.name(), value);
    }
    return values;
  }

  /** An array's length: a constant of the text, plus a number. */
  private static int count(String text, String expression) {
    int sum = 0;
    for (String term : expression.split(" \\+ ")) {
      Matcher constant = Pattern.compile("constexpr int " + term + " = (\\w+);").matcher(text);
      sum += constant.find() ? KernelConstants.integer(constant.group(1)) : Integer.parseInt(term);
    }
    return sum;
  }
}
