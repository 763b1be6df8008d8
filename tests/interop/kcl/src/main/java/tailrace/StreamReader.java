package tailrace;

import com.amazonaws.services.dynamodbv2.streamsadapter.AmazonDynamoDBStreamsAdapterClient;
import com.amazonaws.services.dynamodbv2.streamsadapter.StreamsSchedulerFactory;
import com.amazonaws.services.dynamodbv2.streamsadapter.model.DynamoDBStreamsProcessRecordsInput;
import com.amazonaws.services.dynamodbv2.streamsadapter.polling.DynamoDBStreamsPollingConfig;
import com.amazonaws.services.dynamodbv2.streamsadapter.processor.DynamoDBStreamsShardRecordProcessor;
import java.net.URI;
import java.util.UUID;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;

/**
 * A worker of a KCL application that prints what it reads: `record SHARD SEQUENCE EVENT KEY`, and `started SHARD`, `ended SHARD`.
 * Arguments: endpoint, stream ARN, application, worker. Ends when its standard input does.
 */
public final class StreamReader {
  private StreamReader() {}

  public static void main(String[] arguments) throws Exception {
    URI endpoint = URI.create(arguments[0]);
    String streamArn = arguments[1];
    String application = arguments[2];
    String worker = arguments.length > 3 ? arguments[3] : UUID.randomUUID().toString();
    Region region = Region.of(streamArn.split(":")[3]);
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret"));
    var tables =
        DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
    var streams =
        DynamoDbStreamsClient.builder().endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
    // Only asked for: metrics go nowhere.
    var metrics =
        CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
    var adapter = new AmazonDynamoDBStreamsAdapterClient(streams, region);
    var tracker =
        StreamsSchedulerFactory.createSingleStreamTracker(
            streamArn, InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
    var configs = new ConfigsBuilder(tracker, application, adapter, tables, metrics, worker, Printer::new);
    var polling = new DynamoDBStreamsPollingConfig(adapter).idleTimeBetweenReadsInMillis(200);
    Scheduler scheduler =
        StreamsSchedulerFactory.createScheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig().parentShardPollIntervalMillis(500),
            leases(configs),
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
            configs.processorConfig().callProcessRecordsEvenForEmptyRecordList(false),
            configs.retrievalConfig().retrievalSpecificConfig(polling),
            adapter);
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

  private static final class Printer implements DynamoDBStreamsShardRecordProcessor {
    private String shard = "?";

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      print("started " + shard);
    }

    @Override
    public void processRecords(DynamoDBStreamsProcessRecordsInput input) {
      for (var received : input.records()) {
        Record record = received.getRecord();
        var change = record.dynamodb();
        String key = change.keys().values().iterator().next().s();
        print("record " + shard + " " + change.sequenceNumber() + " " + record.eventNameAsString() + " " + key);
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
