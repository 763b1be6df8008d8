package tailrace;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker of a KCL application that prints what it reads: `record SHARD SEQUENCE DATA`, and `started SHARD`, `ended SHARD`.
 * Arguments: endpoint, name of the Kinesis stream, application, worker. A worker called `subscriber` has records pushed to
 * it (enhanced fan-out); all others poll. Ends when its standard input does.
 */
public final class StreamReader {
  private StreamReader() {}

  public static void main(String[] arguments) throws Exception {
    URI endpoint = URI.create(arguments[0]);
    String stream = arguments[1];
    String application = arguments[2];
    String worker = arguments[3];
    Region region = Region.US_EAST_1;
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret"));
    var tables =
        DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
    // Without TLS, this client alone would begin to speak HTTP/2 with nothing agreed.
    var kinesis =
        KinesisAsyncClient.builder()
            .endpointOverride(endpoint)
            .region(region)
            .credentialsProvider(credentials)
            .httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1))
            .build();
    // Only asked for: metrics go nowhere.
    var metrics =
        CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
    var from = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
    var configs =
        new ConfigsBuilder(
            new SingleStreamTracker(stream, from), application, kinesis, tables, metrics, worker, Printer::new);
    RetrievalSpecificConfig retrieval =
        worker.equals("subscriber")
            ? new FanOutConfig(kinesis).streamName(stream).applicationName(application)
            : new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200);
    Scheduler scheduler =
        new Scheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig().parentShardPollIntervalMillis(500),
            leases(configs),
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
            configs.processorConfig(),
            configs.retrievalConfig().retrievalSpecificConfig(retrieval));
    Thread running = new Thread(scheduler, "scheduler");
    running.setDaemon(true);
    running.start();
    while (System.in.read() >= 0) {
      // Whoever started this closes the pipe, or dies.
    }
    scheduler.startGracefulShutdown().get();
    System.exit(0);
  }

  private static LeaseManagementConfig leases(ConfigsBuilder configs) {
    LeaseManagementConfig leases =
        configs
            .leaseManagementConfig()
            .failoverTimeMillis(3000)
            .shardSyncIntervalMillis(2000)
            .leasesRecoveryAuditorExecutionFrequencyMillis(2000);
    leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
    return leases;
  }

  private static synchronized void print(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static final class Printer implements ShardRecordProcessor {
    private String shard = "?";

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      print("started " + shard);
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      for (var record : input.records()) {
        String data = StandardCharsets.UTF_8.decode(record.data()).toString();
        print("record " + shard + " " + record.sequenceNumber() + " " + data);
      }
      checkpoint(input.checkpointer());
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
      print("lost " + shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
      print("ended " + shard);
      checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
      checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
      try {
        checkpointer.checkpoint();
      } catch (ShutdownException | InvalidStateException failure) {
        print("unsaved " + shard + " " + failure.getMessage());
      }
    }
  }
}
