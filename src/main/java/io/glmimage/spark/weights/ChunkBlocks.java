package io.glmimage.spark.weights;

import io.glmimage.spark.ScalaMember;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.apache.spark.SparkEnv;
import org.apache.spark.network.buffer.ManagedBuffer;
import org.apache.spark.network.buffer.NioManagedBuffer;
import org.apache.spark.network.shuffle.BlockFetchingListener;
import org.apache.spark.network.shuffle.DownloadFile;
import org.apache.spark.network.shuffle.DownloadFileManager;
import org.apache.spark.network.shuffle.DownloadFileWritableChannel;
import org.apache.spark.network.util.TransportConf;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockManager;
import org.apache.spark.storage.BlockManagerId;
import org.apache.spark.storage.BroadcastBlockId;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.io.ChunkedByteBuffer;
import scala.reflect.ClassTag$;

/**
 * Chunks as blocks of Spark's block managers, which move broadcasts and shuffles between processes.
 * They bring their ports, authentication and encryption.
 *
 * <p>A {@code Broadcast} would carry the same blocks, but serializes its value on one thread, keeps
 * up to three copies, and fetches one block after the other. Here a block is the chunk's own array,
 * and the bytes arrive in the receiver's array. No other class of this program uses these classes
 * of Spark, which are not public API.
 */
final class ChunkBlocks {
  /** Blocks of other broadcasts have smaller numbers. */
  static final long FIRST_NUMBER = 1L << 40;

  private static final String FIELD = "weights";

  private ChunkBlocks() {}

  /** This process. */
  static ChunkPeer self() {
    BlockManagerId id = manager().blockManagerId();
    return new ChunkPeer(id.host(), id.port(), id.executorId());
  }

  /** Offers {@code bytes} to other processes. The caller no longer changes the array. */
  static void put(long number, byte[] bytes) throws IOException {
    Object kept =
        ScalaMember.call(
            manager(),
            "putBytes",
            List.of(
                id(number),
                new ChunkedByteBuffer(ByteBuffer.wrap(bytes)),
                StorageLevel.MEMORY_AND_DISK_SER(),
                false),
            List.of(ClassTag$.MODULE$.apply(byte[].class)));
    if (!Boolean.TRUE.equals(kept)) {
      throw new IOException("Spark can keep the block neither in memory nor on disk");
    }
  }

  /** Takes an offer back, after the transfers that have begun. */
  static void remove(long number) {
    manager().removeBlock(id(number), false);
  }

  /**
   * Reads a block of another process.
   *
   * @param into as long as the block
   */
  static void fetch(ChunkPeer from, long number, byte[] into)
      throws IOException, InterruptedException {
    CompletableFuture<Void> arrived = new CompletableFuture<>();
    Landing landing = new Landing(into);
    manager()
        .blockTransferService()
        .fetchBlocks(
            from.host(),
            from.port(),
            from.executor(),
            new String[] {id(number).name()},
            new Arrival(arrived),
            landing);
    try {
      arrived.get();
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e.getCause());
    }
    if (landing.length != into.length) {
      throw new IOException("the block has " + landing.length + " bytes, not " + into.length);
    }
  }

  private static BlockId id(long number) {
    return new BroadcastBlockId(number, FIELD);
  }

  private static BlockManager manager() {
    SparkEnv env = SparkEnv.get();
    if (env == null) {
      throw new IllegalStateException("the Spark session has been stopped");
    }
    return env.blockManager();
  }

  private record Arrival(CompletableFuture<Void> arrived) implements BlockFetchingListener {
    @Override
    public void onBlockFetchSuccess(String block, ManagedBuffer data) {
      arrived.complete(null);
    }

    @Override
    public void onBlockFetchFailure(String block, Throwable failure) {
      arrived.completeExceptionally(failure);
    }
  }

  /**
   * Spark writes large shuffle blocks into files as they arrive. Here the "file" is an array, which
   * saves the copies of a block that is first collected.
   */
  private static final class Landing implements DownloadFileManager, DownloadFile {
    private final byte[] into;

    /** The bytes that have arrived. Spark's thread writes, and the future passes it on. */
    private long length;

    Landing(byte[] into) {
      this.into = into;
    }

    @Override
    public DownloadFile createTempFile(TransportConf conf) {
      return this;
    }

    @Override
    public boolean registerTempFileToClean(DownloadFile file) {
      return true;
    }

    @Override
    public boolean delete() {
      return true;
    }

    /** Begins at the start, also when Spark repeats a transfer. */
    @Override
    public DownloadFileWritableChannel openForWriting() {
      length = 0;
      return new ArrayChannel();
    }

    @Override
    public String path() {
      return "memory";
    }

    private final class ArrayChannel implements DownloadFileWritableChannel {
      private boolean open = true;

      @Override
      public int write(ByteBuffer bytes) {
        int arrived = bytes.remaining();
        // The caller reports a block of another length; Spark would repeat a failed write.
        int fitting = (int) Math.max(0, Math.min(arrived, into.length - length));
        bytes.get(into, (int) Math.min(length, into.length), fitting);
        bytes.position(bytes.limit());
        length += arrived;
        return arrived;
      }

      @Override
      public ManagedBuffer closeAndRead() {
        open = false;
        return new NioManagedBuffer(ByteBuffer.wrap(into));
      }

      @Override
      public boolean isOpen() {
        return open;
      }

      @Override
      public void close() {
        open = false;
      }
    }
  }
}
