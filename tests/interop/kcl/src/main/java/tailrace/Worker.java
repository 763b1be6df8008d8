package tailrace;

import java.net.URI;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
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
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.ShardRecordProcessorFactory;
import software.amazon.kinesis.processor.StreamTracker;

/**
 * What the readers of both kinds of stream share: a worker of a KCL application that prints `started SHARD`, `ended SHARD`, and what
 * its records are. Arguments: endpoint, stream, application, worker. Ends when its standard input does.
 */
final class Worker {
  static final InitialPositionInStreamExtended FROM =
      InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
  final String stream;
  final String application;
  final String name;
  final Region region;
  private final URI endpoint;

  Worker(String[] arguments, Region region) {
    endpoint = URI.create(arguments[0]);
    stream = arguments[1];
    application = arguments[2];
    name = arguments[3];
    this.region = region;
  }

  /** A client of the endpoint, of which nothing else is said. */
  <B extends AwsClientBuilder<B, C>, C> B at(B builder) {
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret"));
    return builder.endpointOverride(endpoint).region(region).credentialsProvider(credentials);
  }

  ConfigsBuilder configs(StreamTracker tracker, KinesisAsyncClient source, ShardRecordProcessorFactory printers) {
    var tables = at(DynamoDbAsyncClient.builder()).build();
    // Only asked for: metrics go nowhere.
    var metrics = at(CloudWatchAsyncClient.builder()).build();
    return new ConfigsBuilder(tracker, application, source, tables, metrics, name, printers);
  }

  static LeaseManagementConfig leases(ConfigsBuilder configs) {
    LeaseManagementConfig leases =
        configs
            .leaseManagementConfig()
            .failoverTimeMillis(3000)
            .shardSyncIntervalMillis(2000)
            .leasesRecoveryAuditorExecutionFrequencyMillis(2000);
    leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
    return leases;
  }

  static void run(Scheduler scheduler) throws Exception {
    Thread running = new Thread(scheduler, "scheduler");
    running.setDaemon(true);
    running.start();
    while (System.in.read() >= 0) {
      // Whoever started this closes the pipe, or dies.
    }
    scheduler.startGracefulShutdown().get();
    System.exit(0);
  }

  static synchronized void print(String line) {
    System.out.println(line);
    System.out.flush();
  }

  /** Prints a shard; how a record is printed is the reader's part. */
  abstract static class Printer implements ShardRecordProcessor {
    private String shard = "?";

    void printRecord(String sequenceNumber, String content) {
      print("record " + shard + " " + sequenceNumber + " " + content);
    }

    void checkpoint(RecordProcessorCheckpointer checkpointer) {
      try {
        checkpointer.checkpoint();
      } catch (ShutdownException | InvalidStateException failure) {
        print("unsaved " + shard + " " + failure.getMessage());
      }
    }

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      print("started " + shard);
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
  }
}
