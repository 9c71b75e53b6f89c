package io.glmimage.job;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.output.EditFigures;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowCounts;
import io.glmimage.output.RunLock;
import io.glmimage.output.RunReport;
import io.glmimage.output.RunSetup;
import io.glmimage.output.RunTimes;
import io.glmimage.plan.EditPlan;
import io.glmimage.plan.EditPlanner;
import io.glmimage.spark.engine.DistributedEngines;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.engine.NoopEngineFactory;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.results.BatchFiles;
import io.glmimage.spark.results.Packer;
import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.run.EditRunner;
import io.glmimage.spark.run.RowProgress;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One edit job from its options to its report. */
final class EditJob {
  /** Failed rows that are listed; the result table has them all. */
  private static final int LISTED_FAILURES = 10;

  private final Session session;
  private final JobOptions options;
  private final Console console;

  EditJob(Session session, JobOptions options, Console console) {
    this.session = session;
    this.options = options;
    this.console = console;
  }

  /**
   * Runs the job.
   *
   * @throws io.glmimage.error.UsageException before any work, if it cannot start as given
   * @throws IOException if the output folder cannot be read or written
   */
  RunReport run() throws IOException {
    Logger log = LoggerFactory.getLogger(EditJob.class);
    Instant started = Instant.now();
    long start = System.nanoTime();
    Phases phases = new Phases();
    Storage storage = session.storage();

    // 1. Check all that can be checked without work.
    OutputLayout root = new OutputLayout(storage.qualified(options.output().path()));
    if (storage.qualified(options.manifest().path()).startsWith(root.failedRows())) {
      throw new UsageException(
          "Cannot edit the rows of "
              + options.manifest().path()
              + " into "
              + root.root()
              + ": its result table would lose all other rows. Run the first command again, which"
              + " tries failed rows again, or choose another --output");
    }
    EngineFactory engines =
        options.engine().noop()
            ? new NoopEngineFactory()
            : console.engines().apply(options.engine());
    engines.check(storage);
    ManifestTable manifest =
        ManifestTable.open(session.spark(), storage, options.manifest(), options.defaults());
    phases.end("open");
    IdentifiedRows identified = manifest.identify();
    long rows = identified.size();
    root.checkFolder(storage);
    phases.end("count");

    AtomicReference<EditRunner> running = new AtomicReference<>();
    try (RunLock lock =
        RunLock.acquire(
            storage,
            root.lock(),
            root.root(),
            Duration.ofSeconds(options.output().lockTimeoutSeconds()),
            session.diesWithProcess(),
            lost -> stop(running.get(), lost),
            this::say)) {
      root.prepare(storage, options.output());
      OutputLayout output = root.forRows(storage, rows);
      EditedImageEncoder encoder =
          new EditedImageEncoder(
              options.images().format(), options.images().quality(), Versions.program());
      try (EditRunner runner =
          new EditRunner(
              session.spark(),
              engines,
              options.engine().device(),
              encoder,
              output,
              options.output(),
              options.run(),
              identified)) {
        running.set(runner);

        // 2. Plan what is still to be done.
        long toDo = runner.countToDo();
        int slots = session.spark().sparkContext().defaultParallelism();
        EditPlan plan = new EditPlanner(options.plan()).plan(toDo, slots);
        log.info("{}", plan);
        if (toDo < rows) {
          say(rows - toDo + " of " + rows + " rows are done already");
        }

        phases.end("plan");

        // 3. Edit; the model is not sent to anybody if there is nothing to do.
        lock.check();
        long editStart = System.nanoTime();
        EditFigures edited = EditFigures.NOTHING;
        if (toDo > 0) {
          try (DistributedEngines model = engines.distribute(session.spark());
              RowProgress progress = new RowProgress(session.spark());
              ProgressHistory moments = new ProgressHistory(progress, toDo);
              ProgressBar bar = new ProgressBar(progress, toDo, model::status, console)) {
            runner.edit(plan, model.engines(), progress);
            moments.close();
            edited =
                new EditFigures(
                    secondsSince(editStart),
                    moments.moments(),
                    progress.engineTime(),
                    progress.kernels());
          }
        }
        phases.end("edit");
        lock.check();
        if (!runner.tableStands(rows, toDo)) {
          runner.commit(rows);
        }
        phases.end("commit");
        return report(output, engines, rows, rows - toDo, started, start, phases, edited);
      }
    }
  }

  private void say(String line) {
    console.err().println(line);
    console.err().flush();
  }

  private static void stop(EditRunner runner, JobException why) {
    if (runner != null) {
      runner.stop(why);
    }
  }

  private RunReport report(
      OutputLayout output,
      EngineFactory engines,
      long rows,
      long kept,
      Instant started,
      long start,
      Phases phases,
      EditFigures edited)
      throws IOException {
    // 4. Report, from what was really written.
    Storage storage = session.storage();
    ResultsTable results = ResultsTable.open(session.spark(), storage, output.root());
    Map<String, Long> failed = new TreeMap<>(results.counts());
    Long ok = failed.remove(ResultStatus.OK.name());
    RunReport report =
        new RunReport(
            new RowCounts(rows, ok == null ? 0 : ok, kept, failed),
            new RunTimes(started, secondsSince(start), phases.seconds()),
            edited,
            output,
            new RunSetup(
                engines.modelName(),
                options.byName(),
                options.fingerprint(),
                Versions.all(session.spark().version())));
    check(report.rows());
    if (report.rows().failed() > 0) {
      console.err().println(report.rows().failed() + " of " + rows + " rows failed:");
      results.failures(LISTED_FAILURES).forEach(line -> console.err().println("  " + line));
      if (report.rows().failed() > LISTED_FAILURES) {
        console.err().println("  ... (see status = 'FAILED' in " + output.results() + ")");
      }
      console.err().flush();
    }
    if (engines.touchesPictures()) {
      new Packer(session.spark(), output).pack(results, options.images(), rows);
    }
    if (engines.touchesPictures() && BatchFiles.isBatch(results)) {
      new BatchFiles(session.spark(), storage, output)
          .write(results, options.images().inlineAnswers(), started);
    }
    new ReportFiles(storage, storage.parent(options.manifest().path()), session.redaction())
        .write(report, results, engines.touchesPictures());
    report.write(storage, exitCode(report), session.redaction());
    return report;
  }

  static int exitCode(RunReport report) {
    return report.rows().failed() == 0 ? ExitCode.DONE : ExitCode.SOME_ROWS_FAILED;
  }

  /** Checks that each row of the manifest has one result row. */
  private static void check(RowCounts rows) {
    if (!rows.areComplete()) {
      throw new JobException(
          "Cannot account for all rows: the manifest had "
              + rows.total()
              + ", the result table has "
              + (rows.ok() + rows.failed())
              + "; was the manifest changed while the job ran?");
    }
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
