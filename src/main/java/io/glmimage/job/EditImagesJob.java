package io.glmimage.job;

import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import io.glmimage.io.ProcessEnd;
import io.glmimage.io.UnreadableText;
import io.glmimage.spark.ScalaMember;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.ModelRef;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.spark.SparkUserAppException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * The command line. {@code edit} is the job; the other commands prepare a manifest, inspect results
 * or measure speed. Options given without a command are those of {@code edit}.
 */
@Command(
    name = "edit-images",
    description = {
      "Edits images with GLM-Image on Apache Spark.",
      "",
      "Options without a command belong to edit: edit-images --manifest M --output O.",
      ""
    },
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = Versions.class,
    subcommands = HelpCommand.class,
    scope = CommandLine.ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    sortOptions = false)
public final class EditImagesJob implements Runnable {
  private static final List<String> OWN_OPTIONS = List.of("--help", "-h", "--version", "-V");

  /** The labels of arguments that are paths. */
  private static final Set<String> PATH_LABELS = Set.of("DIR", "PATH", "FILE", "FOLDER", "OUT");

  private static final Set<Class<?>> WHOLE_NUMBERS =
      Set.of(int.class, Integer.class, long.class, Long.class);
  private static final Set<Class<?>> NUMBERS = Set.of(double.class, Double.class);

  private final Console console;

  @Spec private CommandLine.Model.CommandSpec spec;

  private EditImagesJob(Console console) {
    this.console = console;
  }

  /**
   * Runs a command and ends the JVM with its exit code.
   *
   * @throws SparkUserAppException in YARN's cluster mode, with the exit code if it is not 0. YARN
   *     then records the exit code of the application
   */
  public static void main(String[] args) throws SparkUserAppException {
    int exitCode = run(args);
    if (exitCode != 0) {
      if (isDriverOnYarn()) {
        // After System.exit YARN records only "Shutdown hook called before final status was
        // reported".
        throw ScalaMember.create(SparkUserAppException.class, List.of(exitCode));
      }
      System.exit(exitCode);
    }
    // Returning normally lets spark-submit finish by itself.
  }

  /** Whether this process is an application master of YARN. It sets these properties. */
  private static boolean isDriverOnYarn() {
    return "yarn".equals(System.getProperty("spark.master"))
        && "cluster".equals(System.getProperty("spark.submit.deployMode"));
  }

  /** Runs a command with the real model and returns its exit code. */
  public static int run(String... args) {
    return run(List.of(args), CheckpointModel::new, System.out, System.err, isTerminal());
  }

  /**
   * Runs a command for a program, such as the Python functions, in the Spark session of its
   * application, and returns the exit code.
   *
   * @param out receives results
   * @param err receives progress and failures
   */
  public static int run(PrintStream out, PrintStream err, String... args) {
    return run(List.of(args), CheckpointModel::new, out, err, false);
  }

  /**
   * Runs a command.
   *
   * @param engines creates the engine for the options
   * @param terminal whether {@code err} is a terminal
   */
  static int run(
      List<String> args,
      Function<EngineOptions, ModelRef> engines,
      PrintStream out,
      PrintStream err,
      boolean terminal) {
    Console console =
        new Console(
            writer(out),
            writer(err),
            terminal,
            new AtomicReference<>(Redaction.ofPatterns()),
            engines);
    try {
      return new EditImagesJob(console).execute(args);
    } finally {
      console.termination().close();
      console.out().flush();
      console.err().flush();
    }
  }

  private int execute(List<String> args) {
    List<String> all = new ArrayList<>(args);
    // A file of arguments without a command before it contains options of edit.
    boolean bare = !all.isEmpty() && (all.get(0).startsWith("-") || all.get(0).startsWith("@"));
    if (bare && !OWN_OPTIONS.contains(all.get(0))) {
      all.add(0, "edit");
    }
    if (args.stream().anyMatch(UnreadableText::is)) {
      console
          .err()
          .println(
              "Invalid argument: it has characters that Java cannot read in this locale (charset "
                  + System.getProperty("sun.jnu.encoding")
                  + "); set LC_ALL=C.UTF-8 and write arguments in UTF-8");
      return ExitCode.USAGE;
    }
    for (String argument : args) {
      if (Redaction.hasCredentials(argument)) {
        // Spark's event log has the command line.
        console
            .err()
            .println(
                "Invalid argument: "
                    + Redaction.ofPatterns().apply(argument)
                    + ", it has credentials, which others can read; set them in Spark's"
                    + " configuration");
        return ExitCode.USAGE;
      }
    }
    return commandLine().execute(all.toArray(String[]::new));
  }

  private CommandLine commandLine() {
    CommandLine commands =
        new CommandLine(this)
            .addSubcommand(new EditCommand(console))
            .addSubcommand(new ManifestCommand(console))
            .addSubcommand(new ValidateCommand(console))
            .addSubcommand(new InspectModelCommand(console))
            .addSubcommand(new DemoCommand(console))
            .addSubcommand(new ExampleCommand(console))
            .addSubcommand(new ShowCommand(console))
            .addSubcommand(new ContactSheetCommand(console))
            .addSubcommand(new SelfTestCommand(console))
            .addSubcommand(new BenchCommand(console));
    return commands
        .setOut(console.out())
        .setErr(console.err())
        .setOverwrittenOptionsAllowed(false)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(this::wrongOption)
        .setExecutionStrategy(this::run)
        .setExecutionExceptionHandler((error, command, parsed) -> failed(error, command));
  }

  /** All commands with their options and help texts. */
  static CommandLine commandLineOf(Console console) {
    return new EditImagesJob(console).commandLine();
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Missing command");
  }

  private int wrongOption(CommandLine.ParameterException problem, String[] args) {
    CommandLine command = problem.getCommandLine();
    List<String> unknown = command.getUnmatchedArguments();
    // A misspelled option is missing, too; its wrong name says more.
    CommandLine.ParameterException error =
        problem instanceof CommandLine.MissingParameterException && !unknown.isEmpty()
            ? new CommandLine.UnmatchedArgumentException(command, unknown)
            : problem;
    String message = console.redaction().get().apply(message(error));
    console.err().println(message);
    CommandLine.UnmatchedArgumentException.printSuggestions(error, console.err());
    console.err().println("Try " + command.getCommandSpec().qualifiedName() + " --help");
    return failed(command, ExitCode.USAGE, message);
  }

  /** The message of picocli, except where it names Java's types instead of the option's values. */
  private static String message(CommandLine.ParameterException error) {
    if (!(error.getArgSpec() instanceof CommandLine.Model.OptionSpec option)
        || error.getValue() == null) {
      return error.getMessage();
    }
    Class<?> type = option.auxiliaryTypes()[0];
    String values =
        Map.class.isAssignableFrom(option.type())
            ? option.paramLabel() + ", such as " + option.names()[0] + " prompt=caption"
            : type.isEnum()
                ? "one of " + option.paramLabel().replace("|", ", ")
                : WHOLE_NUMBERS.contains(type)
                    ? "a whole number"
                    : NUMBERS.contains(type) ? "a number" : null;
    return values == null
        ? error.getMessage()
        : "Invalid " + option.names()[0] + ": " + error.getValue() + ", expected " + values;
  }

  /** Runs the command. Unlike picocli, reports Errors, such as those of a disk, like exceptions. */
  private int run(ParseResult parsed) {
    ParseResult last = parsed;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    try {
      checkPaths(last);
      return new CommandLine.RunLast().execute(parsed);
    } catch (Error | UsageException e) {
      return failed(e, last.commandSpec().commandLine());
    }
  }

  /**
   * Refuses empty paths, which come from shell variables that are not set.
   *
   * @throws UsageException with the name of the option
   */
  private static void checkPaths(ParseResult parsed) {
    for (CommandLine.Model.ArgSpec argument : parsed.matchedArgs()) {
      if (PATH_LABELS.contains(argument.paramLabel())
          && argument.originalStringValues().stream().anyMatch(String::isBlank)) {
        String name =
            argument instanceof CommandLine.Model.OptionSpec option
                ? option.longestName()
                : argument.paramLabel();
        throw new UsageException("Invalid " + name + ": it is empty");
      }
    }
  }

  private int failed(Throwable error, CommandLine command) {
    if (console.termination().isRequested()) {
      // The user knows why. Java ends the process with the exit code of the signal.
      return ExitCode.JOB_FAILED;
    }
    if (ProcessEnd.isUnderWay()) {
      // Spark cannot start any more, and says so with a stack trace.
      console.termination().tooLate();
      return ExitCode.JOB_FAILED;
    }
    Failure failure = Failure.of(error);
    console.err().println(console.redaction().get().apply(failure.message()));
    if (!failure.expected() || command.getParseResult().hasMatchedOption(SessionFlags.VERBOSE)) {
      StringWriter trace = new StringWriter();
      error.printStackTrace(new PrintWriter(trace));
      console.err().println(console.redaction().get().apply(trace.toString()));
    }
    return failed(command, failure.exitCode(), failure.message());
  }

  /** The exit code of a command that failed. Programs that run {@code edit} get a line with it. */
  private int failed(CommandLine command, int exitCode, String message) {
    if (command.getCommand() instanceof EditCommand edit) {
      console.printResult(
          ResultLine.of(exitCode, message, edit.known(), console.redaction().get()));
    }
    return exitCode;
  }

  /** Whether both output streams are a terminal on which a line can be redrawn. */
  @SuppressWarnings("SystemConsoleNull") // From Java 22 on, null no longer says enough.
  private static boolean isTerminal() {
    java.io.Console console = System.console();
    if (console == null || "dumb".equals(System.getenv("TERM"))) {
      return false;
    }
    if (Runtime.version().feature() < 22) {
      return true;
    }
    try {
      return (Boolean) java.io.Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }
}
