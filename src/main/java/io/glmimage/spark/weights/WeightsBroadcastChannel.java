package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import java.util.function.UnaryOperator;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcCallContext;
import org.apache.spark.rpc.RpcEndpoint;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.rpc.ThreadSafeRpcEndpoint;
import org.apache.spark.util.RpcUtils;
import scala.PartialFunction;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/**
 * Questions from executors to the driver over the connection that they have anyway: no other port,
 * Spark's own authentication and encryption, and it works in a session that somebody else started.
 *
 * <p>Spark offers this publicly only to plug-ins, which must be named before the session starts;
 * these classes are the ones that its plug-ins stand on, unchanged since Spark 1.6. Nothing else in
 * this program uses them. Messages are arrays of JDK and Spark types only, since they are read by
 * threads that do not see a job's own jar.
 */
final class WeightsBroadcastChannel {
  private WeightsBroadcastChannel() {}

  /** The driver's side; closing it makes later questions fail. */
  static final class Listener implements AutoCloseable {
    private final RpcEnv rpc;
    private final RpcEndpointRef ref;

    private Listener(RpcEnv rpc, RpcEndpointRef ref) {
      this.rpc = rpc;
      this.ref = ref;
    }

    @Override
    public void close() {
      rpc.stop(ref);
    }
  }

  /**
   * Answers questions that executors send to {@code name}.
   *
   * @param answer must not block: other parts of Spark share its thread
   */
  static Listener listen(String name, UnaryOperator<Object[]> answer) {
    RpcEnv rpc = SparkEnv.get().rpcEnv();
    RpcEndpoint endpoint = new Endpoint(rpc, answer);
    return new Listener(rpc, rpc.setupEndpoint(name, endpoint));
  }

  /**
   * Asks the driver, from an executor.
   *
   * @throws WeightsException if it does not answer
   */
  static Object[] ask(String name, Object... message) throws InterruptedException {
    SparkEnv env = SparkEnv.get();
    if (env == null) {
      throw new WeightsException(
          "Cannot receive the model's weights: the Spark session has been stopped");
    }
    ClassTag<Object[]> type = ClassTag$.MODULE$.apply(Object[].class);
    RuntimeException last = null;
    for (int attempt = 0; attempt < 3; attempt++) {
      if (attempt > 0) {
        Thread.sleep(500L << attempt);
      }
      try {
        return RpcUtils.makeDriverRef(name, env.conf(), env.rpcEnv()).askSync(message, type);
      } catch (RuntimeException e) {
        last = e;
      } catch (Exception e) {
        // Scala code throws checked exceptions without saying so.
        if (e instanceof InterruptedException interrupted) {
          throw interrupted;
        }
        last = new IllegalStateException(e);
      }
    }
    throw new WeightsException(
        "Cannot receive the model's weights: the driver does not answer; the distribution may have"
            + " been closed: "
            + last,
        last);
  }

  private static final class Endpoint implements ThreadSafeRpcEndpoint {
    private final RpcEnv rpc;
    private final UnaryOperator<Object[]> answer;

    Endpoint(RpcEnv rpc, UnaryOperator<Object[]> answer) {
      this.rpc = rpc;
      this.answer = answer;
    }

    @Override
    public RpcEnv rpcEnv() {
      return rpc;
    }

    @Override
    public PartialFunction<Object, BoxedUnit> receiveAndReply(RpcCallContext context) {
      return new AbstractPartialFunction<>() {
        @Override
        public boolean isDefinedAt(Object message) {
          return message instanceof Object[];
        }

        @Override
        public BoxedUnit apply(Object message) {
          context.reply(answer.apply((Object[]) message));
          return BoxedUnit.UNIT;
        }
      };
    }
  }
}
