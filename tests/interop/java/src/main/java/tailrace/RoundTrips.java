package tailrace;

import static tailrace.Values.bytes;
import static tailrace.Values.key;
import static tailrace.Values.n;
import static tailrace.Values.plain;
import static tailrace.Values.s;
import static tailrace.Values.text;

import com.google.gson.GsonBuilder;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.CancellationReason;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.ProjectionType;
import software.amazon.awssdk.services.dynamodb.model.QueryRequest;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.Shard;
import software.amazon.awssdk.services.dynamodb.model.ShardIteratorType;
import software.amazon.awssdk.services.dynamodb.model.StreamViewType;
import software.amazon.awssdk.services.dynamodb.model.TableDescription;
import software.amazon.awssdk.services.dynamodb.model.TransactGetItem;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;
import software.amazon.awssdk.services.dynamodb.model.WriteRequest;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;

/**
 * Sends the round trips of ../round_trips.py with the AWS SDK for Java, and prints what came as one JSON object.
 * Argument: the endpoint.
 */
public final class RoundTrips {
  private static final String TABLE = "Trips";
  private static final String INDEX = "ByKind";

  private final DynamoDbClient tables;
  private final DynamoDbStreamsClient streams;
  private final Map<String, Object> seen = new LinkedHashMap<>();

  private RoundTrips(URI endpoint) {
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret"));
    tables =
        DynamoDbClient.builder()
            .endpointOverride(endpoint)
            .region(Region.US_EAST_1)
            .credentialsProvider(credentials)
            .httpClient(UrlConnectionHttpClient.create())
            .build();
    // The SDK's other way to speak HTTP, Apache's client.
    streams =
        DynamoDbStreamsClient.builder()
            .endpointOverride(endpoint)
            .region(Region.US_EAST_1)
            .credentialsProvider(credentials)
            .httpClient(ApacheHttpClient.create())
            .build();
  }

  public static void main(String[] arguments) {
    var trips = new RoundTrips(URI.create(arguments[0]));
    String streamArn = trips.createTable();
    trips.items();
    trips.document();
    trips.update();
    trips.refusals();
    trips.batches();
    trips.reads();
    trips.transactions();
    trips.life();
    trips.changes(streamArn);
    trips.deleteTable();
    System.out.println(new GsonBuilder().serializeNulls().create().toJson(trips.seen));
  }

  private static <E extends DynamoDbException> E refusal(Class<E> type, Runnable request) {
    try {
      request.run();
    } catch (DynamoDbException refused) {
      return type.cast(refused);
    }
    throw new IllegalStateException("nothing was refused");
  }

  private static List<String> named(DynamoDbException refused) {
    var details = refused.awsErrorDetails();
    return List.of(details.errorCode(), details.errorMessage());
  }

  private Map<String, AttributeValue> get(String pk, int n) {
    return tables.getItem(r -> r.tableName(TABLE).key(key(pk, n)).consistentRead(true)).item();
  }

  private void put(Map<String, AttributeValue> item) {
    tables.putItem(r -> r.tableName(TABLE).item(item));
  }

  private static Map<String, AttributeValue> titled(String pk, int n, String title) {
    Map<String, AttributeValue> item = new HashMap<>(key(pk, n));
    item.put("title", s(title));
    return item;
  }

  private static AttributeDefinition attribute(String name, ScalarAttributeType type) {
    return AttributeDefinition.builder().attributeName(name).attributeType(type).build();
  }

  private static List<KeySchemaElement> schema(String hash) {
    return List.of(
        KeySchemaElement.builder().attributeName(hash).keyType(KeyType.HASH).build(),
        KeySchemaElement.builder().attributeName("n").keyType(KeyType.RANGE).build());
  }

  private String createTable() {
    tables.createTable(
        r ->
            r.tableName(TABLE)
                .attributeDefinitions(
                    attribute("pk", ScalarAttributeType.S),
                    attribute("n", ScalarAttributeType.N),
                    attribute("kind", ScalarAttributeType.S))
                .keySchema(schema("pk"))
                .globalSecondaryIndexes(
                    i ->
                        i.indexName(INDEX)
                            .keySchema(schema("kind"))
                            .projection(p -> p.projectionType(ProjectionType.INCLUDE).nonKeyAttributes("title")))
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .streamSpecification(s -> s.streamEnabled(true).streamViewType(StreamViewType.NEW_AND_OLD_IMAGES)));
    TableDescription made =
        tables.waiter().waitUntilTableExists(r -> r.tableName(TABLE)).matched().response().orElseThrow().table();
    seen.put(
        "table",
        Map.of(
            "status", made.tableStatusAsString(),
            "created", made.creationDateTime() != null,
            "index", made.globalSecondaryIndexes().get(0).indexStatusAsString(),
            "view", made.streamSpecification().streamViewTypeAsString()));
    return made.latestStreamArn();
  }

  private void items() {
    Map<String, AttributeValue> item = titled("types", 1, "Ä ☃ 𝄞");
    item.put("kind", s("types"));
    item.put("empty", s(""));
    item.put("exact", n("12345678901234567890.123456789012345678"));
    item.put("yes", AttributeValue.fromBool(true));
    item.put("nothing", AttributeValue.fromNul(true));
    item.put("bytes", AttributeValue.fromB(bytes(0, 255, 16)));
    item.put("words", AttributeValue.fromSs(List.of("a", "b")));
    item.put("numbers", AttributeValue.fromNs(List.of("-3", "1", "2.5")));
    item.put("blobs", AttributeValue.fromBs(List.of(bytes(1), bytes(2, 3))));
    var list = List.of(s("x"), n(7), AttributeValue.fromL(List.of()), AttributeValue.fromM(Map.of()));
    item.put("list", AttributeValue.fromL(list));
    var deep = AttributeValue.fromM(Map.of("deeper", AttributeValue.fromBool(false)));
    item.put("map", AttributeValue.fromM(Map.of("deep", deep)));
    put(item);
    seen.put("types", plain(get("types", 1)));
  }

  private void document() {
    var trips =
        DynamoDbEnhancedClient.builder().dynamoDbClient(tables).build().table(TABLE, TableSchema.fromBean(Trip.class));
    Trip trip = new Trip();
    trip.setPk("document");
    trip.setN(2);
    trip.setTitle("A document");
    trip.setTags(Set.of("one", "two"));
    trip.setParts(Map.of("width", 1.5));
    trip.setData(bytes(9));
    trips.putItem(trip);
    Trip read = trips.getItem(Key.builder().partitionValue("document").sortValue(2).build());
    seen.put("document", plain(get("document", 2)));
    String tags = String.join(",", new TreeSet<>(read.getTags()));
    seen.put(
        "read", List.of(read.getTitle(), tags, read.getParts().get("width"), read.getData().asByteArray()[0]));
  }

  private void update() {
    var updated =
        tables.updateItem(
            r ->
                r.tableName(TABLE)
                    .key(key("types", 1))
                    .updateExpression(
                        "SET #t = :t, #c = if_not_exists(#c, :zero) + :one REMOVE #l[1], #m ADD #n :more"
                            + " DELETE #w :less")
                    .conditionExpression("attribute_exists(pk) AND size(#w) = :two")
                    .expressionAttributeNames(
                        Map.of(
                            "#t", "title", "#c", "counter", "#l", "list", "#m", "map", "#n", "numbers", "#w", "words"))
                    .expressionAttributeValues(
                        Map.of(
                            ":t", s("new"),
                            ":zero", n(0),
                            ":one", n(1),
                            ":two", n(2),
                            ":more", AttributeValue.fromNs(List.of("40")),
                            ":less", AttributeValue.fromSs(List.of("b"))))
                    .returnValues(ReturnValue.ALL_NEW));
    seen.put("updated", plain(updated.attributes()));
  }

  private void refusals() {
    var condition =
        refusal(
            ConditionalCheckFailedException.class,
            () ->
                tables.putItem(
                    r ->
                        r.tableName(TABLE)
                            .item(key("document", 2))
                            .conditionExpression("attribute_not_exists(pk)")
                            .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)));
    List<String> refused = new ArrayList<>(named(condition));
    refused.add(text(condition.item(), "title"));
    seen.put("condition", refused);
    Map<String, AttributeValue> wrong = Map.of("pk", s("types"), "n", s("one"));
    seen.put(
        "invalid",
        named(refusal(DynamoDbException.class, () -> tables.getItem(r -> r.tableName(TABLE).key(wrong)))));
    seen.put(
        "missing",
        named(
            refusal(
                ResourceNotFoundException.class,
                () -> tables.getItem(r -> r.tableName("Missing").key(key("a", 1))))));
  }

  private void batches() {
    List<WriteRequest> puts = new ArrayList<>();
    List<Map<String, AttributeValue>> keys = new ArrayList<>();
    for (int number = 0; number < 25; number++) {
      Map<String, AttributeValue> item = titled("batch", number, "title " + number);
      item.put("kind", s(number % 2 == 0 ? "even" : "odd"));
      item.put("body", s("b"));
      puts.add(WriteRequest.builder().putRequest(p -> p.item(item)).build());
      keys.add(key("batch", number));
    }
    var written = tables.batchWriteItem(r -> r.requestItems(Map.of(TABLE, puts)));
    var wanted = Map.of(TABLE, KeysAndAttributes.builder().keys(keys).build());
    var read = tables.batchGetItem(r -> r.requestItems(wanted));
    seen.put(
        "batch",
        List.of(written.unprocessedItems().size(), read.responses().get(TABLE).size(), read.unprocessedKeys().size()));
  }

  private void reads() {
    QueryRequest partition =
        QueryRequest.builder()
            .tableName(TABLE)
            .keyConditionExpression("pk = :pk")
            .expressionAttributeValues(Map.of(":pk", s("batch")))
            .build();
    var pages = tables.queryPaginator(partition.toBuilder().limit(10).build());
    seen.put("pages", pages.stream().map(page -> page.count()).toList());
    var last = tables.query(partition.toBuilder().scanIndexForward(false).limit(3).build());
    seen.put("descending", last.items().stream().map(item -> item.get("n").n()).toList());
    var indexed =
        tables.query(
            r ->
                r.tableName(TABLE)
                    .indexName(INDEX)
                    .keyConditionExpression("kind = :kind AND n BETWEEN :low AND :high")
                    .expressionAttributeValues(Map.of(":kind", s("odd"), ":low", n(4), ":high", n(8))));
    seen.put("index", indexed.items().stream().map(Values::plain).toList());
    int scanned = 0;
    for (int segment : List.of(0, 1)) {
      var scan =
          tables.scanPaginator(
              r ->
                  r.tableName(TABLE)
                      .segment(segment)
                      .totalSegments(2)
                      .limit(4)
                      .filterExpression("begins_with(title, :t) AND n >= :n")
                      .expressionAttributeValues(Map.of(":t", s("title"), ":n", n(5))));
      scanned += (int) scan.items().stream().count();
    }
    seen.put("scanned", scanned);
  }

  private void transactions() {
    tables.transactWriteItems(
        r ->
            r.transactItems(
                i -> i.put(p -> p.tableName(TABLE).item(titled("moved", 1, "moved"))),
                i ->
                    i.update(
                        u ->
                            u.tableName(TABLE)
                                .key(key("batch", 1))
                                .updateExpression("SET title = :t")
                                .expressionAttributeValues(Map.of(":t", s("changed")))),
                i -> i.delete(d -> d.tableName(TABLE).key(key("batch", 2))),
                i ->
                    i.conditionCheck(
                        c -> c.tableName(TABLE).key(key("batch", 3)).conditionExpression("attribute_exists(pk)"))));
    var gets =
        List.of(key("moved", 1), key("batch", 1), key("batch", 2)).stream()
            .map(key -> TransactGetItem.builder().get(g -> g.tableName(TABLE).key(key)).build())
            .toList();
    var read = tables.transactGetItems(r -> r.transactItems(gets));
    seen.put(
        "transaction",
        Arrays.asList(read.responses().stream().map(found -> text(found.item(), "title")).toArray()));
    var cancelled =
        refusal(
            TransactionCanceledException.class,
            () ->
                tables.transactWriteItems(
                    r ->
                        r.transactItems(
                            i -> i.put(p -> p.tableName(TABLE).item(key("moved", 2))),
                            i ->
                                i.put(
                                    p ->
                                        p.tableName(TABLE)
                                            .item(key("moved", 1))
                                            .conditionExpression("attribute_not_exists(pk)")))));
    List<String> reasons = new ArrayList<>(List.of(cancelled.awsErrorDetails().errorCode()));
    cancelled.cancellationReasons().stream().map(CancellationReason::code).forEach(reasons::add);
    seen.put("cancelled", reasons);
  }

  private void life() {
    put(titled("life", 1, "one"));
    put(titled("life", 1, "one"));
    tables.updateItem(
        r ->
            r.tableName(TABLE)
                .key(key("life", 1))
                .updateExpression("SET title = :t")
                .expressionAttributeValues(Map.of(":t", s("two"))));
    var deleted = tables.deleteItem(r -> r.tableName(TABLE).key(key("life", 1)).returnValues(ReturnValue.ALL_OLD));
    seen.put("deleted", plain(deleted.attributes()));
  }

  private List<Shard> shards(String streamArn) {
    List<Shard> shards = new ArrayList<>();
    String after = null;
    do {
      String start = after;
      var described =
          streams.describeStream(r -> r.streamArn(streamArn).limit(3).exclusiveStartShardId(start)).streamDescription();
      shards.addAll(described.shards());
      after = described.lastEvaluatedShardId();
    } while (after != null);
    return shards;
  }

  private void changes(String streamArn) {
    tables.updateTable(r -> r.tableName(TABLE).streamSpecification(s -> s.streamEnabled(false)));
    List<Shard> shards = shards(streamArn);
    Map<String, Integer> counts = new HashMap<>();
    List<List<String>> events = new ArrayList<>();
    for (Shard shard : shards) {
      String iterator =
          streams
              .getShardIterator(
                  r ->
                      r.streamArn(streamArn)
                          .shardId(shard.shardId())
                          .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
              .shardIterator();
      while (iterator != null) {
        String from = iterator;
        var page = streams.getRecords(r -> r.shardIterator(from).limit(10));
        for (Record record : page.records()) {
          var change = record.dynamodb();
          counts.merge(record.eventNameAsString(), 1, Integer::sum);
          if (text(change.keys(), "pk").equals("life")) {
            events.add(
                Arrays.asList(
                    record.eventNameAsString(), text(change.oldImage(), "title"), text(change.newImage(), "title")));
          }
        }
        iterator = page.nextShardIterator();
      }
    }
    seen.put("shards", shards.size());
    seen.put("counts", counts);
    seen.put("events", events);
  }

  private void deleteTable() {
    tables.deleteTable(r -> r.tableName(TABLE));
    tables.waiter().waitUntilTableNotExists(r -> r.tableName(TABLE));
    var gone =
        refusal(
            ResourceNotFoundException.class,
            () -> tables.describeTable(r -> r.tableName(TABLE)));
    seen.put("gone", named(gone).get(0));
  }
}
