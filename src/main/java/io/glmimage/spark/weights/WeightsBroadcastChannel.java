package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import java.util.function.Function;
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
 * Questions from executors to the driver over their existing connection. The channel needs no
 * additional port and has Spark's own authentication and encryption. It works in a session that is
 * already running.
 *
 * <p>Spark's public API offers such a channel only to plug-ins, which must be configured before the
 * session starts. This class uses the classes on which Spark builds its plug-ins, unchanged since
 * Spark 1.6. No other class of this program uses them.
 */
final class WeightsBroadcastChannel {
  private WeightsBroadcastChannel() {}

  /** The driver's side. Questions after {@link #close} fail. */
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
   * @param answer must not block, because other parts of Spark share its thread
   */
  static Listener listen(String name, Function<WeightsQuestion, WeightsReply> answer) {
    RpcEnv rpc = SparkEnv.get().rpcEnv();
    RpcEndpoint endpoint = new Endpoint(rpc, answer);
    return new Listener(rpc, rpc.setupEndpoint(name, endpoint));
  }

  /**
   * Sends a question from an executor to the driver.
   *
   * @throws WeightsException if the driver does not answer
   */
  static WeightsReply ask(String name, WeightsQuestion question) throws InterruptedException {
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
        return WeightsReply.ofWire(
            RpcUtils.makeDriverRef(name, env.conf(), env.rpcEnv())
                .askSync(question.toWire(), type));
      } catch (RuntimeException e) {
        last = e;
      } catch (Exception e) {
        // Scala methods throw checked exceptions without declaring them.
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
    private final Function<WeightsQuestion, WeightsReply> answer;

    Endpoint(RpcEnv rpc, Function<WeightsQuestion, WeightsReply> answer) {
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
          WeightsQuestion question = WeightsQuestion.ofWire((Object[]) message);
          context.reply(answer.apply(question).toWire());
          return BoxedUnit.UNIT;
        }
      };
    }
  }
}
