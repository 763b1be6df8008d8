package tailrace;

import com.amazonaws.services.dynamodbv2.streamsadapter.AmazonDynamoDBStreamsAdapterClient;
import com.amazonaws.services.dynamodbv2.streamsadapter.StreamsSchedulerFactory;
import com.amazonaws.services.dynamodbv2.streamsadapter.model.DynamoDBStreamsProcessRecordsInput;
import com.amazonaws.services.dynamodbv2.streamsadapter.polling.DynamoDBStreamsPollingConfig;
import com.amazonaws.services.dynamodbv2.streamsadapter.processor.DynamoDBStreamsShardRecordProcessor;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.kinesis.metrics.NullMetricsFactory;

/** A worker that prints the records of a table's stream, given by its ARN: `record SHARD SEQUENCE EVENT KEY`. */
public final class StreamReader {
  private StreamReader() {}

  public static void main(String[] arguments) throws Exception {
    var worker = new Worker(arguments, Region.of(arguments[1].split(":")[3]));
    var streams = worker.at(DynamoDbStreamsClient.builder()).build();
    var adapter = new AmazonDynamoDBStreamsAdapterClient(streams, worker.region);
    var tracker = StreamsSchedulerFactory.createSingleStreamTracker(worker.stream, Worker.FROM);
    var configs = worker.configs(tracker, adapter, Printer::new);
    var polling = new DynamoDBStreamsPollingConfig(adapter).idleTimeBetweenReadsInMillis(200);
    Worker.run(
        StreamsSchedulerFactory.createScheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig().parentShardPollIntervalMillis(500),
            Worker.leases(configs),
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
            configs.processorConfig().callProcessRecordsEvenForEmptyRecordList(false),
            configs.retrievalConfig().retrievalSpecificConfig(polling),
            adapter));
  }

  private static final class Printer extends Worker.Printer implements DynamoDBStreamsShardRecordProcessor {
    @Override
    public void processRecords(DynamoDBStreamsProcessRecordsInput input) {
      for (var received : input.records()) {
        Record record = received.getRecord();
        var change = record.dynamodb();
        String key = change.keys().values().iterator().next().s();
        printRecord(change.sequenceNumber(), record.eventNameAsString() + " " + key);
      }
      checkpoint(input.checkpointer());
    }
  }
}
