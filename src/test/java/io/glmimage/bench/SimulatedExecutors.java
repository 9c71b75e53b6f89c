package io.glmimage.bench;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskState;
import org.apache.spark.executor.Executor;
import org.apache.spark.executor.ExecutorBackend;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.rpc.ThreadSafeRpcEndpoint;
import org.apache.spark.scheduler.TaskDescription;
import org.apache.spark.scheduler.TaskSchedulerImpl;
import org.apache.spark.scheduler.cluster.CoarseGrainedClusterMessages;
import org.apache.spark.scheduler.cluster.CoarseGrainedSchedulerBackend;
import org.apache.spark.util.SerializableBuffer;
import scala.Enumeration;
import scala.Function1;
import scala.PartialFunction;
import scala.collection.immutable.Map;
import scala.collection.immutable.Nil$;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/**
 * Spark's own backend for clusters, with executors that register, get tasks and report their states
 * as real ones do. The tasks run one after the other on a few threads of this process. So the
 * driver has the work of a large cluster, and the tasks have the time of a small one.
 */
final class SimulatedExecutors extends CoarseGrainedSchedulerBackend {
  private static final int THREADS = Runtime.getRuntime().availableProcessors();

  private final SparkContext context;
  private final int executors;
  private final int cores;
  private final BlockingQueue<Launch> launches = new LinkedBlockingQueue<>();
  private final Semaphore slots = new Semaphore(THREADS);
  private final Set<String> used = ConcurrentHashMap.newKeySet();
  private Executor executor;
  private Thread thread;

  /** A task that the driver has sent to an executor. */
  private record Launch(String executorId, TaskDescription task) {}

  SimulatedExecutors(TaskSchedulerImpl scheduler, SparkContext context, int executors, int cores) {
    super(scheduler, SparkEnv.get().rpcEnv());
    this.context = context;
    this.executors = executors;
    this.cores = cores;
  }

  /** The executors that have got a task. */
  Set<String> used() {
    return Collections.unmodifiableSet(used);
  }

  @Override
  @SuppressWarnings({"unchecked", "rawtypes"})
  public void start() {
    super.start();
    executor =
        new Executor(
            "driver",
            "localhost",
            SparkEnv.get(),
            (scala.collection.immutable.Seq) Nil$.MODULE$,
            true,
            Thread.getDefaultUncaughtExceptionHandler(),
            (Map<String, ResourceInformation>) (Map) emptyMap());
    thread = new Thread(this::launch, "simulated-executors");
    thread.setDaemon(true);
    thread.start();
    for (int i = 0; i < executors; i++) {
      register("" + i);
    }
  }

  private static Map<?, ?> emptyMap() {
    return scala.collection.immutable.Map$.MODULE$.empty();
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private void register(String id) {
    RpcEndpointRef endpoint = rpcEnv().setupEndpoint("simulated-" + id, new Endpoint(id));
    driverEndpoint()
        .askSync(
            new CoarseGrainedClusterMessages.RegisterExecutor(
                id,
                endpoint,
                "host-" + id,
                cores,
                (Map) emptyMap(),
                (Map) emptyMap(),
                (Map) emptyMap(),
                ResourceProfile.DEFAULT_RESOURCE_PROFILE_ID()),
            ClassTag$.MODULE$.apply(Boolean.class));
    driverEndpoint().send(new CoarseGrainedClusterMessages.LaunchedExecutor(id));
  }

  /** Passes tasks on to the threads that run them. */
  private void launch() {
    try {
      while (true) {
        Launch launch = launches.take();
        slots.acquire();
        executor.launchTask(new Reports(launch), launch.task());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void stop() {
    thread.interrupt();
    executor.stop();
    super.stop();
  }

  @Override
  public String applicationId() {
    return "simulated-" + context.startTime();
  }

  /** Tells the driver what becomes of a task, in the name of its executor. */
  private final class Reports implements ExecutorBackend {
    private final Launch launch;

    Reports(Launch launch) {
      this.launch = launch;
    }

    @Override
    public void statusUpdate(long taskId, Enumeration.Value state, ByteBuffer data) {
      if (TaskState.isFinished(state)) {
        slots.release();
      }
      TaskDescription task = launch.task();
      driverEndpoint()
          .send(
              new CoarseGrainedClusterMessages.StatusUpdate(
                  launch.executorId(),
                  taskId,
                  state,
                  new SerializableBuffer(data),
                  task.cpus(),
                  task.resources()));
    }
  }

  /** Where the driver sends the tasks of an executor. */
  private final class Endpoint implements ThreadSafeRpcEndpoint {
    private final String id;

    Endpoint(String id) {
      this.id = id;
    }

    @Override
    public RpcEnv rpcEnv() {
      return SimulatedExecutors.this.rpcEnv();
    }

    @Override
    public PartialFunction<Object, BoxedUnit> receive() {
      return new AbstractPartialFunction<>() {
        @Override
        public boolean isDefinedAt(Object message) {
          return true;
        }

        @Override
        public <A1, B1> B1 applyOrElse(A1 message, Function1<A1, B1> unused) {
          receive(message);
          @SuppressWarnings("unchecked")
          B1 nothing = (B1) BoxedUnit.UNIT;
          return nothing;
        }
      };
    }

    private void receive(Object message) {
      if (message instanceof CoarseGrainedClusterMessages.LaunchTask launch) {
        used.add(id);
        launches.add(new Launch(id, TaskDescription.decode(launch.data().value())));
      }
    }
  }
}
