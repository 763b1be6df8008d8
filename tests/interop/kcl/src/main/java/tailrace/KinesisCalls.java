package tailrace;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordResponse;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEventStream;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * The SDK's asynchronous client as it is: many puts at once, a large page, a refusal, and subscriptions of which one is cancelled.
 * Prints what it saw; its argument is the endpoint.
 */
public final class KinesisCalls {
  private static final String STREAM = "calls";
  private static final String SHARD = "shardId-000000000000";
  private static final int PUTS = 300;
  private static final int LARGE = 6;
  private static final int LARGE_BYTES = 900_000;

  private KinesisCalls() {}

  public static void main(String[] arguments) throws Exception {
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret"));
    try (var kinesis =
        KinesisAsyncClient.builder()
            .endpointOverride(URI.create(arguments[0]))
            .region(Region.US_EAST_1)
            .credentialsProvider(credentials)
            .build()) {
      kinesis.createStream(r -> r.streamName(STREAM).shardCount(1)).join();
      putMany(kinesis);
      putLarge(kinesis);
      refused(kinesis);
      subscribe(kinesis);
    }
  }

  private static void putMany(KinesisAsyncClient kinesis) {
    List<CompletableFuture<PutRecordResponse>> puts = new ArrayList<>();
    for (int n = 0; n < PUTS; n++) {
      puts.add(put(kinesis, SdkBytes.fromUtf8String("record-" + n)));
    }
    Set<String> numbers = new ConcurrentSkipListSet<>();
    puts.forEach(put -> numbers.add(put.join().sequenceNumber()));
    System.out.println("put " + numbers.size());
  }

  private static CompletableFuture<PutRecordResponse> put(KinesisAsyncClient kinesis, SdkBytes data) {
    return kinesis.putRecord(r -> r.streamName(STREAM).partitionKey("key").data(data));
  }

  /** More than a stream's and the connection's first windows, in both directions. */
  private static void putLarge(KinesisAsyncClient kinesis) {
    SdkBytes data = SdkBytes.fromByteArray(new byte[LARGE_BYTES]);
    List<CompletableFuture<PutRecordResponse>> puts = new ArrayList<>();
    for (int n = 0; n < LARGE; n++) {
      puts.add(put(kinesis, data));
    }
    puts.forEach(CompletableFuture::join);
    String from =
        kinesis
            .getShardIterator(r -> r.streamName(STREAM).shardId(SHARD).shardIteratorType(ShardIteratorType.TRIM_HORIZON))
            .join()
            .shardIterator();
    var page = kinesis.getRecords(r -> r.shardIterator(from)).join();
    long size = page.records().stream().mapToLong(record -> record.data().asByteArrayUnsafe().length).sum();
    System.out.println("read " + page.records().size() + " " + size);
  }

  private static void refused(KinesisAsyncClient kinesis) {
    try {
      kinesis.describeStreamSummary(r -> r.streamName("missing")).join();
    } catch (java.util.concurrent.CompletionException failure) {
      System.out.println("refused " + (failure.getCause() instanceof ResourceNotFoundException));
    }
  }

  private static void subscribe(KinesisAsyncClient kinesis) throws Exception {
    String stream = kinesis.describeStreamSummary(r -> r.streamName(STREAM)).join().streamDescriptionSummary().streamARN();
    String consumer = kinesis.registerStreamConsumer(r -> r.streamARN(stream).consumerName("calls")).join().consumer().consumerARN();
    // The second is only let in so soon because the first has been heard to end.
    System.out.println("pushed " + read(kinesis, consumer, 1));
    Thread.sleep(500);
    System.out.println("pushed " + read(kinesis, consumer, PUTS + LARGE));
  }

  /** Subscribe, and cancel when so many records came. */
  private static boolean read(KinesisAsyncClient kinesis, String consumer, int wanted) throws Exception {
    var reading = new Reading(wanted);
    var handler =
        SubscribeToShardResponseHandler.builder()
            .onError(failure -> reading.failed(failure))
            .subscriber(() -> reading)
            .build();
    kinesis.subscribeToShard(
        r -> r.consumerARN(consumer).shardId(SHARD).startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
    return reading.done.await(60, TimeUnit.SECONDS) && reading.failure == null;
  }

  private static final class Reading implements Subscriber<SubscribeToShardEventStream> {
    final CountDownLatch done = new CountDownLatch(1);
    volatile Throwable failure;
    private final int wanted;
    private int seen;
    private Subscription subscription;

    Reading(int wanted) {
      this.wanted = wanted;
    }

    void failed(Throwable cause) {
      if (done.getCount() > 0) {
        failure = cause;
        cause.printStackTrace();
        done.countDown();
      }
    }

    @Override
    public void onSubscribe(Subscription begun) {
      subscription = begun;
      begun.request(1);
    }

    @Override
    public void onNext(SubscribeToShardEventStream event) {
      if (event instanceof SubscribeToShardEvent pushed) {
        seen += pushed.records().size();
      }
      if (seen >= wanted && done.getCount() > 0) {
        done.countDown();
        subscription.cancel();
      } else {
        subscription.request(1);
      }
    }

    @Override
    public void onError(Throwable cause) {
      failed(cause);
    }

    @Override
    public void onComplete() {
      done.countDown();
    }
  }
}
