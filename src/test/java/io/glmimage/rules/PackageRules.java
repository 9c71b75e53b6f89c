package io.glmimage.rules;

import static java.util.Map.entry;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which package may use which, for all classes below one base package. A package is named by its
 * path below that base: {@code tensor}, {@code model.dit}. Subpackages belong to the listed package
 * above them.
 */
final class PackageRules {
  /** For a package that may use all others. */
  private static final Set<String> ALL = Set.of("*");

  /**
   * Plain values, failures, checksums and JSON mappers, which every package may use. Of {@code
   * model} only the root.
   */
  private static final Set<String> SHARED = Set.of("error", "request", "model", "digest", "json");

  /** Packages whose subpackages are listed separately. */
  private static final Set<String> ROOTS = Set.of("model", "spark");

  /** The packages of this program that a package may use besides itself and {@link #SHARED}. */
  private static final Map<String, Set<String>> OWN =
      Map.ofEntries(
          entry("error", Set.of()),
          entry("digest", Set.of()),
          entry("json", Set.of()),
          entry("request", Set.of("image")),
          entry("model", Set.of()),
          entry("natives", Set.of()),
          entry("tensor", Set.of("natives")),
          // The WebP encoder is a native library.
          entry("image", Set.of("natives")),
          entry("io", Set.of()),
          entry("manifest", Set.of()),
          entry("plan", Set.of("manifest")),
          entry("quality", Set.of("image")),
          // The contact sheet is an image. quality: a result row has the figures of its image.
          entry("output", Set.of("manifest", "io", "image", "quality")),
          entry("weights", Set.of("io", "tensor")),
          entry("kernel", Set.of("tensor")),
          entry("jinja", Set.of()),
          // natives: the tokenizer's library is unpacked into a folder, too.
          entry(
              "model.processor",
              Set.of("kernel", "tensor", "weights", "image", "jinja", "natives")),
          entry("model.prior", Set.of("kernel", "tensor", "weights", "image")),
          entry("model.glyph", Set.of("kernel", "tensor", "weights", "image")),
          entry("model.dit", Set.of("kernel", "tensor", "weights", "image")),
          entry("model.scheduler", Set.of("kernel", "tensor", "weights", "image")),
          entry("model.vae", Set.of("kernel", "tensor", "weights", "image")),
          entry(
              "pipeline",
              Set.of(
                  "model.processor",
                  "model.prior",
                  "model.glyph",
                  "model.dit",
                  "model.scheduler",
                  "model.vae",
                  "kernel",
                  "tensor",
                  "weights",
                  "image",
                  // A checkpoint is inspected wherever it is.
                  "io")),
          // manifest: a request gets the seed that the same row has in the job.
          // tensor: the names of devices and precisions. io: the version of a checkpoint folder.
          // natives: DJL's switches are set before DJL loads the engine.
          entry(
              "predict",
              // quality: edited images come with their figures.
              Set.of(
                  "pipeline",
                  "quality",
                  "manifest",
                  "kernel",
                  "tensor",
                  "weights",
                  "image",
                  "io",
                  "natives")),
          entry(
              "bench",
              Set.of(
                  "pipeline",
                  "model.processor",
                  "model.prior",
                  "model.glyph",
                  "model.dit",
                  "model.vae",
                  "kernel",
                  "tensor",
                  "weights",
                  "image")),
          entry("spark", Set.of()),
          // The result table begins with the manifest's columns: its names are checked for clashes.
          // model.processor: validate checks sizes by the rules of the model.
          entry(
              "spark.manifest",
              Set.of("manifest", "output", "image", "io", "model.processor", "plan")),
          // bench: the memory that a transfer takes is reported.
          entry("spark.weights", Set.of("spark", "weights", "io", "bench")),
          // tensor: what libtorch can see of the GPUs that Spark hands out. kernel: which kernels
          // may run and which did, as plain values. quality: the self-test compares two images.
          entry(
              "spark.engine",
              Set.of(
                  "spark.weights",
                  "predict",
                  "quality",
                  "weights",
                  "kernel",
                  "output",
                  "image",
                  "io",
                  "tensor")),
          // quality: stored figures are flagged by the limits of the present run.
          entry(
              "spark.results",
              Set.of("spark.manifest", "manifest", "output", "quality", "weights", "io")),
          // tensor, here and in spark.ml: the names of devices and precisions.
          entry(
              "spark.run",
              Set.of(
                  "spark.results",
                  "spark.manifest",
                  "spark.engine",
                  "plan",
                  "manifest",
                  "output",
                  "quality",
                  "tensor",
                  "weights",
                  "image",
                  "io")),
          entry(
              "spark.ml",
              Set.of(
                  "spark.run",
                  "spark.results",
                  "spark.manifest",
                  "spark.engine",
                  "spark.weights",
                  "predict",
                  "manifest",
                  "output",
                  "quality",
                  "tensor",
                  "weights",
                  "image",
                  "io")),
          entry("job", ALL));

  /** The packages that may use a vendor's classes, whose names begin with the key. */
  private static final Map<String, Set<String>> VENDORS =
      Map.ofEntries(
          entry("org.apache.spark.", Set.of("job", "spark")),
          // Spark's metrics system uses Dropwizard's classes.
          entry("com.codahale.metrics.", Set.of("spark")),
          // Spark's data source and committer interfaces have Hadoop's types in their signatures.
          entry("org.apache.hadoop.", Set.of("io", "spark")),
          entry("ai.djl.", Set.of("predict", "spark")),
          entry("ai.djl.huggingface.", Set.of("predict", "spark", "model.processor")),
          // The folder where DJL unpacks the tokenizer's library.
          entry("ai.djl.util.", Set.of("predict", "spark", "model.processor")),
          entry(
              "org.bytedeco.pytorch.",
              Set.of("tensor", "kernel", "model", "pipeline", "weights", "bench")),
          entry("org.bytedeco.cuda.", Set.of("kernel", "tensor")),
          // Types of the callbacks of S3A.
          entry("com.amazonaws.", Set.of("io")),
          entry("software.amazon.awssdk.", Set.of("io")),
          // libwebp, for writing WebP.
          entry("org.bytedeco.leptonica.", Set.of("image")));

  /** Classes that configure a library before its first use. */
  private static final Set<String> NATIVE_LOADERS =
      Set.of("natives.NativeLibraries", "natives.DjlSwitches");

  /**
   * Classes that read what the cluster manager or CUDA has set for an executor's process: scratch
   * disks, visible devices. No option of the driver can know this.
   */
  private static final Set<String> READS_EXECUTOR_ENVIRONMENT =
      Set.of("spark.weights.WeightsCacheFolder", "spark.engine.GpuAssignment");

  private static final Set<String> READS_SETTINGS =
      Set.of(
          "java.lang.System.getenv",
          "java.lang.System.getProperty",
          "java.lang.System.getProperties",
          "java.lang.System.setProperty",
          "java.lang.System.setProperties",
          "java.lang.System.clearProperty",
          "java.lang.Integer.getInteger",
          "java.lang.Long.getLong",
          "java.lang.Boolean.getBoolean");

  private final String base;

  /**
   * @param base the base package, such as {@code io.glmimage}
   */
  PackageRules(String base) {
    this.base = base;
  }

  /** Every package is in the table, so that a new package is a decision. */
  ArchRule everyPackageIsListed() {
    return rule(
        "be in a package that PackageRules lists",
        (events, from) -> {
          if (owner(from) == null) {
            violated(
                events,
                from,
                from.getName()
                    + " is in a package that PackageRules does not list; add there what it may use");
          }
        });
  }

  /** Packages use each other only as the table says. A network never uses another one. */
  ArchRule ownPackages() {
    return rule(
        "use only the packages that PackageRules allows",
        (events, from) ->
            dependencies(
                events,
                from,
                to -> {
                  String user = owner(from);
                  String used = owner(to);
                  return user == null
                      || used == null
                      || used.equals(user)
                      || OWN.get(user).contains(used)
                      || OWN.get(user) == ALL
                      || SHARED.contains(used);
                }));
  }

  /** A vendor's classes are used only in the packages that wrap them. */
  ArchRule vendors() {
    return rule(
        "use a vendor's classes only where PackageRules allows it",
        (events, from) ->
            dependencies(
                events,
                from,
                to -> {
                  Set<String> users = users(to.getName());
                  String user = owner(from);
                  return users == null || user == null || contains(users, user);
                }));
  }

  /** Settings come from options. Only {@code job} and a few listed classes read them elsewhere. */
  ArchRule settings() {
    return rule(
        "leave the environment and system properties to the package job",
        (events, from) -> {
          String outer = outermost(from).getName();
          if ("job".equals(owner(from))
              || NATIVE_LOADERS.stream().anyMatch(name -> outer.equals(base + "." + name))
              || READS_EXECUTOR_ENVIRONMENT.stream()
                  .anyMatch(name -> outer.equals(base + "." + name))) {
            return;
          }
          for (JavaAccess<?> call : from.getAccessesFromSelf()) {
            if (READS_SETTINGS.contains(
                call.getTargetOwner().getName() + "." + call.getTarget().getName())) {
              violated(events, from, call.getDescription());
            }
          }
        });
  }

  private static Set<String> users(String className) {
    // The longest prefix decides: ai.djl.huggingface. before ai.djl.
    String longest = null;
    for (String prefix : VENDORS.keySet()) {
      if (className.startsWith(prefix) && (longest == null || prefix.length() > longest.length())) {
        longest = prefix;
      }
    }
    return longest == null ? null : VENDORS.get(longest);
  }

  /** Whether a package, or one above it, is in the set. */
  private static boolean contains(Set<String> packages, String name) {
    for (String candidate = name; candidate != null; candidate = parent(candidate)) {
      if (packages.contains(candidate)) {
        return true;
      }
    }
    return false;
  }

  /** The listed package of a class; null for an unlisted package or a foreign class. */
  private String owner(JavaClass type) {
    JavaClass element = type.getBaseComponentType();
    if (!element.getPackageName().startsWith(base + ".")) {
      return null;
    }
    String name = element.getPackageName().substring(base.length() + 1);
    // A new network or part of spark must be listed itself; it does not belong to the root.
    for (String candidate = name; candidate != null; candidate = parent(candidate)) {
      if (OWN.containsKey(candidate) && (!ROOTS.contains(candidate) || name.equals(candidate))) {
        return candidate;
      }
    }
    return null;
  }

  private static String parent(String name) {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? null : name.substring(0, dot);
  }

  private static JavaClass outermost(JavaClass type) {
    JavaClass outer = type;
    while (outer.getEnclosingClass().isPresent()) {
      outer = outer.getEnclosingClass().get();
    }
    return outer;
  }

  private ArchRule rule(String description, Check check) {
    DescribedPredicate<JavaClass> ours =
        DescribedPredicate.describe(
            "below " + base, type -> (type.getPackageName() + ".").startsWith(base + "."));
    return ArchRuleDefinition.classes()
        .that(ours)
        .should(
            new ArchCondition<JavaClass>(description) {
              @Override
              public void check(JavaClass type, ConditionEvents events) {
                check.check(events, type);
              }
            });
  }

  private static void dependencies(
      ConditionEvents events, JavaClass from, Predicate<JavaClass> allowed) {
    for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
      JavaClass to = dependency.getTargetClass().getBaseComponentType();
      if (!allowed.test(to)) {
        violated(events, from, dependency.getDescription());
      }
    }
  }

  private static void violated(ConditionEvents events, JavaClass from, String message) {
    events.add(SimpleConditionEvent.violated(from, message));
  }

  /** The check of one class by one rule. */
  @FunctionalInterface
  private interface Check {
    void check(ConditionEvents events, JavaClass type);
  }
}
