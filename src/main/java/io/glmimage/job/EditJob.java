package io.glmimage.job;

import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.LastingException;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.output.EditFigures;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ReportFiles;
import io.glmimage.output.RowCounts;
import io.glmimage.output.RunLock;
import io.glmimage.output.RunReport;
import io.glmimage.output.RunSetup;
import io.glmimage.output.RunTimes;
import io.glmimage.output.SampleGroup;
import io.glmimage.output.ShownResult;
import io.glmimage.plan.EditPlan;
import io.glmimage.plan.EditPlanner;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.DistributedEngines;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.spark.engine.NoopModel;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.results.BatchFiles;
import io.glmimage.spark.results.CatalogResults;
import io.glmimage.spark.results.OutputFolder;
import io.glmimage.spark.results.Packer;
import io.glmimage.spark.results.ResultFigures;
import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.run.EditRunner;
import io.glmimage.spark.run.RowProgress;
import io.glmimage.spark.run.RunOutput;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run of the job, from its options to its report. */
final class EditJob {
  private static final Logger LOG = LoggerFactory.getLogger(EditJob.class);

  /** Number of failed rows that are printed; the result table has all of them. */
  private static final int LISTED_FAILURES = 10;

  private final Session session;
  private final JobOptions options;
  private final Console console;
  private final ProgressBar bar;
  private final Storage storage;
  private final Redaction redaction;
  private final Instant started = Instant.now();
  private final Phases phases = new Phases();
  private List<ShownResult> failed = List.of();
  private GpuTime paid;
  private List<RunSetup.Adapter> adapters = List.of();

  /** Read by the thread that stops the process. */
  private volatile ResultLine.Known known = ResultLine.Known.NOTHING;

  /**
   * @param bar shows what the job is doing
   */
  EditJob(Session session, JobOptions options, Console console, ProgressBar bar) {
    this.session = session;
    this.options = options;
    this.console = console;
    this.bar = bar;
    this.storage = session.storage(options.run().retries());
    this.redaction = session.redaction();
  }

  /** What the job reads and where it writes, after the checks. */
  private record Inputs(
      OutputFolder folder,
      ModelRef model,
      SourceOptions sources,
      ManifestTable manifest,
      Optional<CatalogResults> resultsTable) {}

  /**
   * Runs the job.
   *
   * @throws UsageException before any work, if the job cannot start with these options
   * @throws IOException if the output folder cannot be read or written
   */
  RunReport run() throws IOException {
    AtomicReference<EditRunner> running = new AtomicReference<>();
    try (Termination.Stoppable announced =
            console.termination().begin(why -> stop(running.get(), why));
        GpuTime gpuTime = gpuTime()) {
      paid = gpuTime;
      return run(running);
    }
  }

  /** Null without a price. */
  private GpuTime gpuTime() {
    return options.gpuHourPrice() == null
        ? null
        : new GpuTime(
            session.spark().sparkContext(),
            options.gpuHourPrice(),
            !options.engine().noop() && options.engine().device().isOpen());
  }

  private RunReport run(AtomicReference<EditRunner> running) throws IOException {
    String name = Session.shortName(options.manifest().path());
    describe("Read the manifest " + name);

    // 1. Check everything that can be checked without work.
    Optional<String> note = options.demonstrationNote(!session.diesWithProcess());
    Inputs inputs = checked();
    String output = inputs.folder().paths().root();
    known = new ResultLine.Known(output, null, null);
    note.ifPresent(this::say);
    phases.end("open");
    describe("Count and check the rows of " + name);
    IdentifiedRows identified = inputs.manifest().identify();
    long rows = identified.size();
    known = new ResultLine.Known(output, rows, null);
    identified.notes().forEach(this::say);
    phases.end("count");
    // Before the output folder is touched and before anything is sent.
    if (rows > 0) {
      ModelInspection.check(inputs.model(), storage);
      adapters =
          inputs.model().adapterIdentities(storage).stream()
              .map(a -> new RunSetup.Adapter(a.location(), a.scale(), a.sha256()))
              .toList();
    }
    phases.end("inspect");

    try (RunLock lock = lock(inputs.folder().paths(), running)) {
      inputs.folder().prepare(options.output());
      try {
        inputs.resultsTable().ifPresent(table -> table.create(inputs.manifest().passedThrough()));
        return run(inputs, identified, lock, running);
      } catch (UsageException e) {
        // The folder has been changed by now.
        throw new JobException(e.getMessage(), e);
      }
    }
  }

  private RunReport run(
      Inputs inputs, IdentifiedRows identified, RunLock lock, AtomicReference<EditRunner> running)
      throws IOException {
    long rows = identified.size();
    OutputLayout output = inputs.folder().layoutFor(rows);
    try (EditRunner runner = runner(inputs, output, identified)) {
      running.set(runner);

      // 2. Find the rows to do, and plan them.
      describe("Find the rows to edit");
      EditPlan plan = plan(runner, rows);
      known = new ResultLine.Known(output.root(), rows, rows - plan.rows());
      phases.end("plan");

      // 3. Edit them.
      lock.check();
      describe("Edit " + Wording.count(plan.rows(), "row"));
      EditFigures edited = edit(runner, plan, inputs.model());
      phases.end("edit");

      // 4. Write the result table.
      lock.check();
      describe("Write the result table");
      boolean current = runner.isTableCurrent(rows, plan.rows());
      if (!current) {
        runner.commit();
      }
      phases.end("commit");

      // 5. Report, from the files that were written.
      describe("Summarize the results");
      return report(output, inputs, new Kept(rows, rows - plan.rows(), current), edited);
    }
  }

  /**
   * As {@link #check}. A place that cannot be used is named before any work.
   *
   * @throws UsageException if another attempt would fail in the same way
   */
  private Inputs checked() throws IOException {
    try {
      Inputs inputs = check();
      inputs.folder().check();
      return inputs;
    } catch (JobException e) {
      throw new UsageException(e.getMessage(), e);
    } catch (IOException e) {
      if (Retries.mayPass(e)) {
        throw e;
      }
      throw new UsageException(
          e instanceof LastingException ? e.getMessage() : "Cannot start: " + Retries.why(e), e);
    }
  }

  private Inputs check() throws IOException {
    OutputFolder folder = new OutputFolder(storage, storage.qualified(options.output().path()));
    boolean ownModel = !options.engine().noop() && !options.engine().demonstration();
    folder.checkInputs(
        options.manifest().isTable() ? null : options.manifest().path(),
        ownModel ? options.engine().modelName() : null,
        options.manifest().imageFolder());
    ModelRef model =
        options.engine().noop() ? new NoopModel() : console.models().apply(options.engine());
    model.check(storage);
    if (session.isEmbedded() && model instanceof CheckpointModel) {
      LocalPlaces.checkLibraries();
    }
    ManifestTable manifest =
        ManifestTable.open(session.spark(), storage, options.manifest(), options.defaults());
    Optional<CatalogResults> results =
        options.resultsTable().map(table -> table.open(session.spark()));
    results.ifPresent(table -> table.check(manifest.passedThrough()));
    return new Inputs(
        folder, model, SourceFlags.qualified(options.sources(), storage), manifest, results);
  }

  private RunLock lock(OutputLayout root, AtomicReference<EditRunner> running) throws IOException {
    // Not with --io-attempts: a renewal is tried again by the next one, and must not take longer
    // than the timeout, after which another run may have the lock.
    return RunLock.acquire(
        session.storage(),
        new RunLock.Terms(
            root.lock(),
            root.root(),
            Duration.ofSeconds(options.output().lockTimeoutSeconds()),
            session.diesWithProcess()),
        lost -> stop(running.get(), lost),
        this::say);
  }

  /** Whether there was something to stop. */
  private static boolean stop(EditRunner runner, JobException why) {
    if (runner == null) {
      return false;
    }
    runner.stop(why);
    return true;
  }

  private EditRunner runner(Inputs inputs, OutputLayout output, IdentifiedRows rows)
      throws IOException {
    EditedImageEncoder encoder =
        new EditedImageEncoder(
            options.images().format(), options.images().quality(), Versions.program());
    return new EditRunner(
        session.spark(),
        inputs.model(),
        options.engine().device(),
        new RunOutput(output, options.output(), encoder, options.quality()),
        options.run(),
        inputs.sources(),
        rows);
  }

  private EditPlan plan(EditRunner runner, long rows) throws IOException {
    long toDo = runner.countToDo();
    int slots = session.spark().sparkContext().defaultParallelism();
    EditPlan plan = runner.plan(new EditPlanner(options.plan()), toDo, slots);
    LOG.info("{}", plan);
    if (toDo < rows) {
      say(
          rows == 1
              ? "The row is already finished"
              : rows - toDo + " of " + rows + " rows are already finished");
    }
    return plan;
  }

  private EditFigures edit(EditRunner runner, EditPlan plan, ModelRef model) throws IOException {
    if (plan.rows() == 0) {
      // The model is not sent to the executors.
      return EditFigures.NOTHING;
    }
    Phases time = new Phases();
    try (DistributedEngines engines = model.distribute(session.spark());
        RowProgress progress = new RowProgress(session.spark());
        ProgressHistory moments = new ProgressHistory(progress, plan.rows());
        ProgressBar.Shown shown =
            bar.begin(
                new ProgressBar.Edit(
                    progress,
                    plan.rows(),
                    engines::status,
                    () -> paid == null ? null : (Double) paid.cost().amount()))) {
      runner.edit(plan, engines.opener(), progress);
      moments.close();
      return new EditFigures(
          time.total(),
          moments.moments(),
          progress.engineTime(),
          progress.kernels(),
          progress.sources());
    }
  }

  /**
   * What this run found.
   *
   * @param rows number of rows of the manifest
   * @param kept how many of them were finished already
   * @param table whether the result table stayed as it was
   */
  private record Kept(long rows, long kept, boolean table) {}

  private RunReport report(OutputLayout output, Inputs inputs, Kept found, EditFigures edited)
      throws IOException {
    ResultsTable results = ResultsTable.open(session.spark(), storage, output.root());
    RunReport report =
        new RunReport(
            results.counts(found.rows(), found.kept()),
            new RunTimes(started, phases.total(), phases.seconds()),
            edited,
            output,
            setup(inputs),
            paid == null ? null : paid.cost());
    check(report.rows());
    SourceNotes.of(edited.sources(), options.sources().colours()).forEach(this::say);
    if (report.rows().failed() > 0) {
      failed = results.failed().first(LISTED_FAILURES);
    }
    if (inputs.model().touchesImages()) {
      writeCopies(results, output, found.rows());
    }
    // An unchanged table keeps its report, which has the figures of the run that edited the rows.
    if (!found.table() || !storage.exists(output.report()) || !storage.exists(output.metrics())) {
      describe("Write the report");
      writeReport(report, new ResultFigures(results), inputs);
    }
    inputs.resultsTable().ifPresent(table -> write(table, results));
    sayFlagged(report.rows());
    report.write(storage, options.exitCode(report.rows()), redaction);
    return report;
  }

  private RunSetup setup(Inputs inputs) throws IOException {
    Map<String, String> byName = options.byName();
    // Later commands find the sources wherever they are started.
    if (!options.manifest().isTable()) {
      byName.put("manifest", storage.qualified(options.manifest().path()));
    }
    if (options.manifest().imageFolder() != null) {
      byName.put("image-folder", inputs.manifest().folder());
    }
    return new RunSetup(
        inputs.model().modelName(),
        adapters,
        options.engine().demonstration(),
        byName,
        options.fingerprint(),
        Versions.all(session.spark().version()));
  }

  /** Shards and a batch's answers: other forms of the edited images and the result table. */
  private void writeCopies(ResultsTable results, OutputLayout output, long rows)
      throws IOException {
    describe("Pack the edited images");
    new Packer(session.spark(), storage, output).pack(results, options.images(), rows);
    if (BatchFiles.isBatch(results)) {
      describe("Write the answers of the batch");
      new BatchFiles(session.spark(), storage, output)
          .write(results, options.images().inlineAnswers(), started);
    }
  }

  private void sayFlagged(RowCounts rows) {
    if (rows.allFlagged() > 0) {
      say(
          Wording.count(rows.allFlagged(), "edited image")
              + " of "
              + rows.ok()
              + " flagged: "
              + rows.flags()
              + " (see show --flagged, and the report)");
    }
  }

  /** Last, so that a failure of the catalog leaves a report. */
  private void write(CatalogResults table, ResultsTable results) {
    describe("Write the results table");
    long written = table.write(results);
    say(Wording.count(written, "row") + " written to the results table");
  }

  private void writeReport(RunReport report, ResultFigures figures, Inputs inputs)
      throws IOException {
    ReportFiles files = new ReportFiles(storage, inputs.manifest().folder(), redaction);
    Map<SampleGroup, List<ShownResult>> samples =
        inputs.model().touchesImages()
            ? figures.samples(report.rows(), ReportFiles.MOST_SAMPLES, ReportFiles.MOST_OF_A_GROUP)
            : Map.of();
    files.write(report, figures.all(report.rows(), failed, files.samples(samples)));
  }

  /** What is known of the run so far. */
  ResultLine.Known known() {
    return known;
  }

  /** Prints the first failed rows of the run. */
  void printFailures(RunReport report) {
    if (failed.isEmpty()) {
      return;
    }
    say(report.rows().failed() + " of " + Wording.count(report.rows().total(), "row") + " failed:");
    for (ShownResult row : failed) {
      say("  " + row.failure().errorClass() + ": " + Wording.oneLine(row.failure().message()));
    }
    if (report.rows().failed() > LISTED_FAILURES) {
      say("  ... (see status = 'FAILED' in " + report.output().results() + ")");
    }
  }

  private void describe(String work) {
    session.describe(work);
    bar.begin(work);
  }

  private void say(String line) {
    bar.say(line);
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
}
