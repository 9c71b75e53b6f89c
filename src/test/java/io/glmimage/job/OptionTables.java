package io.glmimage.job;

import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The commands and options of the job as Markdown tables, made from picocli's model. */
final class OptionTables {
  static final String DEFAULT = "Default: ";

  private OptionTables() {}

  /** The command line, without a session and with nowhere to print. */
  static CommandLine commandLine() {
    PrintWriter nowhere =
        new PrintWriter(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8);
    return EditImagesJob.commandLineOf(new Console(nowhere, nowhere, false, null, null));
  }

  /** The job's commands by name; picocli's own {@code help} is left out. */
  static Map<String, CommandLine> commands(CommandLine all) {
    Map<String, CommandLine> commands = new LinkedHashMap<>(all.getSubcommands());
    commands.remove("help");
    return commands;
  }

  /** Options and parameters of a command, those for help and version left out. */
  static List<ArgSpec> arguments(CommandSpec command) {
    List<ArgSpec> arguments = new ArrayList<>(command.positionalParameters());
    for (OptionSpec option : command.options()) {
      if (!option.usageHelp() && !option.versionHelp()) {
        arguments.add(option);
      }
    }
    return arguments;
  }

  /** The table of a command, one line for each option. */
  static String of(CommandSpec command) {
    StringBuilder table =
        new StringBuilder("| option | default | meaning |\n| --- | --- | --- |\n");
    for (ArgSpec argument : arguments(command)) {
      String text = description(argument);
      int at = text.lastIndexOf(DEFAULT);
      String meaning = (at < 0 ? text : text.substring(0, at)).strip();
      String value =
          at < 0 ? "required" : text.substring(at + DEFAULT.length()).replaceFirst("\\.$", "");
      table.append("| ").append(names(argument)).append(" | ").append(cell(value));
      table.append(" | ").append(cell(meaning)).append(" |\n");
    }
    return table.toString();
  }

  static String description(ArgSpec argument) {
    return String.join(" ", argument.description());
  }

  private static String names(ArgSpec argument) {
    if (argument instanceof PositionalParamSpec) {
      return "`" + argument.paramLabel() + "`";
    }
    OptionSpec option = (OptionSpec) argument;
    List<String> names = new ArrayList<>();
    for (String name : option.names()) {
      boolean flag = option.arity().max() == 0;
      names.add("`" + name + (flag ? "" : " " + option.paramLabel()) + "`");
      if (option.negatable()) {
        names.add("`--no-" + name.substring(2) + "`");
      }
    }
    return cell(String.join(", ", names));
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("<", "&lt;");
  }
}
