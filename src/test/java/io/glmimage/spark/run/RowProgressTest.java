package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.Success$;
import org.apache.spark.TaskEndReason;
import org.apache.spark.TaskResultLost$;
import org.apache.spark.TaskState;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.Tuple4;
import scala.collection.JavaConverters;

@Tag("spark")
@SuppressWarnings("deprecation") // Scala 2.13 has another name for asScalaBuffer, which 2.12 lacks.
class RowProgressTest {
  private static SparkSession spark;

  private RowProgress progress;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[1]")
            .appName("RowProgressTest")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @BeforeEach
  void open() {
    progress = new RowProgress(spark);
  }

  @AfterEach
  void close() {
    progress.close();
  }

  /** Counts by accumulator, as a heartbeat and the end of a task report them. */
  private static List<AccumulableInfo> infos(Map<Long, Long> counts) {
    List<AccumulableInfo> infos = new ArrayList<>();
    counts.forEach(
        (accumulator, count) ->
            infos.add(
                new AccumulableInfo(
                    accumulator,
                    Option.empty(),
                    Option.apply((Object) count),
                    Option.apply((Object) count),
                    false,
                    true,
                    Option.empty())));
    return infos;
  }

  /** A heartbeat with the counts of one task. */
  private void heartbeat(long task, Map<Long, Long> counts) {
    progress
        .listener()
        .onExecutorMetricsUpdate(
            new SparkListenerExecutorMetricsUpdate(
                "1",
                JavaConverters.asScalaBuffer(
                        List.of(
                            new Tuple4<>(
                                (Object) task,
                                (Object) 0,
                                (Object) 0,
                                JavaConverters.asScalaBuffer(infos(counts)).toSeq())))
                    .toSeq(),
                scala.collection.immutable.Map$.MODULE$.empty()));
  }

  private static TaskInfo task(long id, int partition) {
    return new TaskInfo(id, 0, 0, partition, 0, "1", "host", TaskLocality.ANY(), id > 100);
  }

  private void start(int stage, TaskInfo task) {
    progress.listener().onTaskStart(new SparkListenerTaskStart(stage, 0, task));
  }

  private void end(int stage, TaskInfo task, TaskEndReason reason) {
    task.markFinished(reason == Success$.MODULE$ ? TaskState.FINISHED() : TaskState.FAILED(), 1);
    progress
        .listener()
        .onTaskEnd(new SparkListenerTaskEnd(stage, 0, "ResultTask", reason, task, null, null));
  }

  private Map<Long, Long> rows(long done, long failed) {
    return Map.of(progress.counters().done().id(), done, progress.counters().failed().id(), failed);
  }

  @Test
  void theLastHeartbeatOfEachRunningTaskCounts() {
    heartbeat(7, rows(3, 0));
    heartbeat(8, rows(2, 1));
    heartbeat(7, rows(4, 1));
    assertEquals(6, progress.doneRows());
    assertEquals(2, progress.failedRows());
  }

  @Test
  void tasksThatHaveEndedCountInFullAndOnce() throws Exception {
    BlockingQueue<Long> seen = new LinkedBlockingQueue<>();
    progress.watch(seen::add);
    RunCounters counters = progress.counters();
    JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(List.of("a", "b", "bad"), 1)
        .foreach(row -> counters.count(row.equals("bad")));
    Long failed = seen.poll(20, TimeUnit.SECONDS);
    while (failed != null && failed == 0) {
      failed = seen.poll(20, TimeUnit.SECONDS);
    }
    assertEquals(1L, failed, "the watch sees the end of the task");
    assertEquals(3, progress.doneRows());
    assertEquals(1, progress.failedRows());
  }

  @Test
  void aHeartbeatAfterTheEndOfItsTaskDoesNotCount() throws Exception {
    BlockingQueue<Long> ended = new LinkedBlockingQueue<>();
    SparkListener ends =
        new SparkListener() {
          @Override
          public void onTaskEnd(SparkListenerTaskEnd end) {
            ended.add(end.taskInfo().taskId());
          }
        };
    spark.sparkContext().addSparkListener(ends);
    RunCounters counters = progress.counters();
    JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(List.of("bad"), 1)
        .foreach(row -> counters.count(row.equals("bad")));
    Long task = ended.poll(20, TimeUnit.SECONDS);
    spark.sparkContext().removeSparkListener(ends);
    heartbeat(task, rows(1, 1));
    assertEquals(1, progress.failedRows());
    assertEquals(1, progress.doneRows());
  }

  @Test
  void theRowsOfACopiedTaskCountOnce() {
    TaskInfo first = task(7, 3);
    TaskInfo copy = task(107, 3);
    start(5, first);
    start(5, copy);
    start(5, task(8, 4));
    heartbeat(7, rows(9, 4));
    heartbeat(107, rows(7, 4));
    heartbeat(8, rows(2, 1));
    assertEquals(11, progress.doneRows());
    assertEquals(5, progress.failedRows());
    // The copy ends first. Spark adds its counts; the other task runs on for a moment.
    for (int i = 0; i < 10; i++) {
      progress.counters().count(i < 4);
    }
    copy.setAccumulables(JavaConverters.asScalaBuffer(infos(rows(10, 4))).toSeq());
    end(5, copy, Success$.MODULE$);
    heartbeat(7, rows(10, 4));
    assertEquals(12, progress.doneRows());
    assertEquals(5, progress.failedRows());
  }

  @Test
  void theRowsOfATaskThatIsTriedAgainCountOnce() {
    TaskInfo first = task(7, 3);
    start(5, first);
    heartbeat(7, rows(9, 4));
    end(5, first, TaskResultLost$.MODULE$);
    start(5, task(8, 3));
    heartbeat(8, rows(5, 2));
    assertEquals(5, progress.doneRows());
    assertEquals(2, progress.failedRows());
  }

  @Test
  void tasksOfAnAbortedJobNoLongerCount() {
    start(5, task(7, 3));
    start(5, task(8, 4));
    heartbeat(7, rows(9, 4));
    progress.reset();
    heartbeat(7, rows(10, 5));
    heartbeat(8, rows(2, 1));
    start(6, task(9, 3));
    heartbeat(9, rows(1, 0));
    assertEquals(1, progress.doneRows());
    assertEquals(0, progress.failedRows());
  }

  @Test
  void aTaskThatHasEndedUnheardCountsOnce() {
    List<Long> seen = Collections.synchronizedList(new ArrayList<>());
    progress.watch(seen::add);
    heartbeat(7, rows(2, 1));
    // Spark adds up the counts of task 7; its end is not reported yet.
    progress.counters().count(true);
    progress.counters().count(false);
    progress.counters().count(false);
    heartbeat(8, rows(0, 0));
    assertEquals(1, progress.failedRows());
    assertEquals(3, progress.doneRows());
    assertTrue(seen.stream().allMatch(failed -> failed == 1), seen.toString());
  }

  @Test
  void aRunThatStartsAgainCountsFromZero() {
    heartbeat(7, rows(3, 1));
    progress.counters().count(true);
    progress.reset();
    assertEquals(0, progress.doneRows());
    assertEquals(0, progress.failedRows());
  }

  @Test
  void theLoadedPartIsKnownOnceAnExecutorReportsIt() {
    assertEquals(-1, progress.loadedPercent());
    long total = progress.counters().loading().total().id();
    long loaded = progress.counters().loading().loaded().id();
    heartbeat(7, Map.of(total, 200L, loaded, 50L));
    assertEquals(25, progress.loadedPercent());
    heartbeat(8, Map.of(total, 200L, loaded, 250L));
    assertEquals(75, progress.loadedPercent());
  }

  @Test
  void theWatchSeesFailedRowsOfRunningTasks() {
    List<Long> seen = Collections.synchronizedList(new ArrayList<>());
    progress.watch(seen::add);
    heartbeat(7, rows(3, 2));
    assertTrue(seen.contains(2L), seen.toString());
  }

  @Test
  void theDriversMetricsHaveTheSumsOfTheNewestRun() {
    new RowProgress(spark).close();
    progress.close();
    RowProgress newest = new RowProgress(spark);
    progress = newest;
    newest.counters().count(false);
    newest.counters().count(true);
    newest.counters().engines().busyMicros().add(1_500_000);
    var sources = SparkEnv.get().metricsSystem().getSourcesByName(RunMetrics.NAME);
    assertEquals(1, sources.size());
    Map<String, Object> values = new TreeMap<>();
    sources
        .head()
        .metricRegistry()
        .getGauges()
        .forEach((name, g) -> values.put(name, g.getValue()));
    assertEquals(
        Map.of("rows.done", 2L, "rows.failed", 1L, "engine.busy.ms", 1500L, "engine.wait.ms", 0L),
        values);
  }
}
