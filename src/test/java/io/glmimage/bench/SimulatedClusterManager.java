package io.glmimage.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.ExternalClusterManager;
import org.apache.spark.scheduler.SchedulerBackend;
import org.apache.spark.scheduler.TaskScheduler;
import org.apache.spark.scheduler.TaskSchedulerImpl;

/**
 * Clusters whose executors exist only in the driver's books: master {@code simulated[1000,4]} for
 * 1,000 executors of 4 cores. Spark finds this class as a service.
 */
public final class SimulatedClusterManager implements ExternalClusterManager {
  private static final Pattern MASTER = Pattern.compile("simulated\\[(\\d+),(\\d+)]");

  @Override
  public boolean canCreate(String master) {
    return MASTER.matcher(master).matches();
  }

  @Override
  public TaskScheduler createTaskScheduler(SparkContext context, String master) {
    return new TaskSchedulerImpl(context);
  }

  @Override
  public SchedulerBackend createSchedulerBackend(
      SparkContext context, String master, TaskScheduler scheduler) {
    Matcher sizes = MASTER.matcher(master);
    if (!sizes.matches()) {
      throw new IllegalArgumentException("Invalid master: " + master);
    }
    return new SimulatedExecutors(
        (TaskSchedulerImpl) scheduler,
        context,
        Integer.parseInt(sizes.group(1)),
        Integer.parseInt(sizes.group(2)));
  }

  @Override
  public void initialize(TaskScheduler scheduler, SchedulerBackend backend) {
    ((TaskSchedulerImpl) scheduler).initialize(backend);
  }
}
