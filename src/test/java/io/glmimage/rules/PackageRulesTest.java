package io.glmimage.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Checks the package rules, and shows with sample classes that each rule can fail. */
class PackageRulesTest {
  private static final String BASE = "io.glmimage";
  private static final String BROKEN = "io.glmimage.rules.broken";
  private static final PackageRules RULES = new PackageRules(BASE);

  private static JavaClasses program;
  private static JavaClasses broken;

  @BeforeAll
  static void importClasses() {
    program =
        new ClassFileImporter()
            .withImportOption(location -> !location.contains("/test-classes/"))
            .importPackages(BASE);
    broken = new ClassFileImporter().importPackages(BROKEN);
  }

  @Test
  void theProgramIsThere() {
    assertTrue(
        program.contain(BASE + ".tensor.Libtorch"), "the classes of the program were not found");
  }

  @Test
  void everyPackageIsListed() {
    RULES.everyPackageIsListed().check(program);
  }

  @Test
  void packagesUseOnlyWhatTheyMay() {
    RULES.ownPackages().check(program);
  }

  @Test
  void vendorsStayInTheirPackages() {
    RULES.vendors().check(program);
  }

  @Test
  void onlyTheJobReadsSettings() {
    RULES.settings().check(program);
  }

  @Test
  void anUnlistedPackageIsFound() {
    assertFinds(
        PackageRules::everyPackageIsListed, "model.diffusion.NewNetwork", "surprise.Newcomer");
  }

  @Test
  void forbiddenUsesOfOurPackagesAreFound() {
    assertFinds(
        PackageRules::ownPackages,
        "image.UsesTensor",
        "model.dit.UsesVae",
        "pipeline.UsesJob",
        "predict.UsesModel",
        "spark.manifest.UsesEngine",
        "spark.run.UsesPipeline");
  }

  @Test
  void forbiddenUsesOfVendorsAreFound() {
    assertFinds(
        PackageRules::vendors,
        "image.UsesTokenizer",
        "job.UsesHadoop",
        "job.UsesTorch",
        "model.dit.UsesDjl",
        "pipeline.UsesCuda",
        "predict.UsesSpark",
        "predict.UsesTorch");
  }

  @Test
  void settingsReadElsewhereAreFound() {
    assertFinds(
        PackageRules::settings,
        "kernel.ReadsEnvironment",
        "kernel.ReadsFlag",
        "tensor.ReadsProperty");
  }

  /** A rule must name exactly these sample classes: it neither misses one nor is too strict. */
  private static void assertFinds(Function<PackageRules, ArchRule> rule, String... samples) {
    String found =
        String.join(
            "\n",
            rule.apply(new PackageRules(BROKEN)).evaluate(broken).getFailureReport().getDetails());
    assertFalse(found.isEmpty(), "nothing found");
    // The first class in a line is the one that breaks the rule.
    Matcher named =
        Pattern.compile("(?m)^\\D*?" + Pattern.quote(BROKEN) + "\\.([a-z.]+\\.[A-Z]\\w*)")
            .matcher(found);
    TreeSet<String> atFault =
        named.results().map(match -> match.group(1)).collect(Collectors.toCollection(TreeSet::new));
    assertEquals(new TreeSet<>(List.of(samples)), atFault, found);
  }
}
