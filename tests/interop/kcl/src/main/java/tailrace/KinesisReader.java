package tailrace;

import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker that prints the records of a Kinesis stream: `record SHARD SEQUENCE DATA`. One called `subscriber` has records pushed to
 * it (enhanced fan-out); all others poll.
 */
public final class KinesisReader {
  private KinesisReader() {}

  public static void main(String[] arguments) throws Exception {
    var worker = new Worker(arguments, Region.US_EAST_1);
    // As the library's documentation makes it: of HTTP/2, without asking first.
    var kinesis = KinesisClientUtil.createKinesisAsyncClient(worker.at(KinesisAsyncClient.builder()));
    var configs = worker.configs(new SingleStreamTracker(worker.stream, Worker.FROM), kinesis, Printer::new);
    RetrievalSpecificConfig retrieval =
        worker.name.equals("subscriber")
            ? new FanOutConfig(kinesis).streamName(worker.stream).applicationName(worker.application)
            : new PollingConfig(worker.stream, kinesis).idleTimeBetweenReadsInMillis(200);
    Worker.run(
        new Scheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig().parentShardPollIntervalMillis(500),
            Worker.leases(configs),
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
            configs.processorConfig(),
            configs.retrievalConfig().retrievalSpecificConfig(retrieval)));
  }

  private static final class Printer extends Worker.Printer {
    @Override
    public void processRecords(ProcessRecordsInput input) {
      for (var record : input.records()) {
        printRecord(record.sequenceNumber(), StandardCharsets.UTF_8.decode(record.data()).toString());
      }
      checkpoint(input.checkpointer());
    }
  }
}
