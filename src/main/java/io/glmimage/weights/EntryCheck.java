package io.glmimage.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Compares cache entries with their lists of files and with the checkpoint. */
final class EntryCheck {
  /** The digests of entries whose checksums were all compared. */
  private final Set<String> compared = ConcurrentHashMap.newKeySet();

  /**
   * The caller holds the lock of the entry.
   *
   * @throws DamagedEntryException if the entry differs
   */
  void require(CheckpointListing listing, Path entry, WeightsCache.Check check)
      throws IOException, DamagedEntryException {
    String digest = entry.getFileName().toString();
    EntryList list = EntryList.read(entry, listing);
    boolean touched = false;
    List<CheckpointListing.Item> items = listing.items();
    for (int i = 0; i < items.size(); i++) {
      CheckpointListing.Item item = items.get(i);
      Path file = entry.resolve(item.path());
      if (!Files.isRegularFile(file)) {
        throw new DamagedEntryException(item.path() + " is missing");
      }
      if (Files.size(file) != item.size()) {
        throw new DamagedEntryException(
            item.path() + " has " + Files.size(file) + " bytes instead of " + item.size());
      }
      touched |= Files.getLastModifiedTime(file).toMillis() != list.modified(i);
    }
    if (!listing.contentDigest(list.digests()).equals(digest)) {
      throw new DamagedEntryException("its checksums do not belong to its name");
    }
    if (touched || (check == WeightsCache.Check.FULL && !compared.contains(digest))) {
      requireSameBytes(listing, entry, list.digests());
      compared.add(digest);
      if (touched) {
        // The next quick check finds the present modification times in the list.
        EntryList.write(entry, listing, list.digests());
      }
    }
  }

  private static void requireSameBytes(CheckpointListing listing, Path entry, byte[][] digests)
      throws IOException, DamagedEntryException {
    List<CheckpointListing.Block> blocks = listing.blocks();
    BitSet wrong = BlockDigests.wrong(entry, blocks, digests);
    if (!wrong.isEmpty()) {
      CheckpointListing.Block first = blocks.get(wrong.nextSetBit(0));
      throw new DamagedEntryException(
          first.item().path() + " has other bytes than were sent, from byte " + first.offset());
    }
  }
}
