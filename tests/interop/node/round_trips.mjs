/**
 * Sends the round trips of ../round_trips.py with the AWS SDK for JavaScript, and prints what came as one JSON object.
 * Argument: the endpoint.
 */
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  paginateQuery,
  paginateScan,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";

const TableName = "Trips";
const IndexName = "ByKind";
const settings = {
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: { accessKeyId: "key", secretAccessKey: "secret" },
};
const tables = new DynamoDBClient(settings);
const documents = DynamoDBDocumentClient.from(tables);
const streams = new DynamoDBStreamsClient(settings);
const waiting = { client: tables, maxWaitTime: 30, minDelay: 1 };

const bytes = (...values) => Uint8Array.from(values);
const key = (pk, n) => ({ pk: { S: pk }, n: { N: String(n) } });
const get = async (pk, n) =>
  (await tables.send(new GetItemCommand({ TableName, Key: key(pk, n), ConsistentRead: true }))).Item;

async function refusal(request) {
  try {
    await request;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}

async function createTable() {
  await tables.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "n", AttributeType: "N" },
        { AttributeName: "kind", AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "n", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName,
          KeySchema: [
            { AttributeName: "kind", KeyType: "HASH" },
            { AttributeName: "n", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] },
        },
      ],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  await waitUntilTableExists(waiting, { TableName });
  const { Table } = await tables.send(new DescribeTableCommand({ TableName }));
  return {
    table: {
      status: Table.TableStatus,
      created: Table.CreationDateTime instanceof Date,
      index: Table.GlobalSecondaryIndexes[0].IndexStatus,
      view: Table.StreamSpecification.StreamViewType,
    },
    arn: Table.LatestStreamArn,
  };
}

async function items() {
  const Item = {
    ...key("types", 1),
    kind: { S: "types" },
    title: { S: "Ä ☃ 𝄞" },
    empty: { S: "" },
    exact: { N: "12345678901234567890.123456789012345678" },
    yes: { BOOL: true },
    nothing: { NULL: true },
    bytes: { B: bytes(0, 255, 16) },
    words: { SS: ["a", "b"] },
    numbers: { NS: ["-3", "1", "2.5"] },
    blobs: { BS: [bytes(1), bytes(2, 3)] },
    list: { L: [{ S: "x" }, { N: "7" }, { L: [] }, { M: {} }] },
    map: { M: { deep: { M: { deeper: { BOOL: false } } } } },
  };
  await tables.send(new PutItemCommand({ TableName, Item }));
  const types = await get("types", 1);
  await documents.send(
    new PutCommand({
      TableName,
      Item: {
        pk: "document",
        n: 2,
        title: "A document",
        tags: new Set(["one", "two"]),
        parts: { width: 1.5 },
        data: bytes(9),
      },
    }),
  );
  const read = (await documents.send(new GetCommand({ TableName, Key: { pk: "document", n: 2 } }))).Item;
  const updated = await tables.send(
    new UpdateItemCommand({
      TableName,
      Key: key("types", 1),
      UpdateExpression: "SET #t = :t, #c = if_not_exists(#c, :zero) + :one REMOVE #l[1], #m ADD #n :more DELETE #w :less",
      ConditionExpression: "attribute_exists(pk) AND size(#w) = :two",
      ExpressionAttributeNames: {
        "#t": "title",
        "#c": "counter",
        "#l": "list",
        "#m": "map",
        "#n": "numbers",
        "#w": "words",
      },
      ExpressionAttributeValues: {
        ":t": { S: "new" },
        ":zero": { N: "0" },
        ":one": { N: "1" },
        ":two": { N: "2" },
        ":more": { NS: ["40"] },
        ":less": { SS: ["b"] },
      },
      ReturnValues: "ALL_NEW",
    }),
  );
  return {
    types,
    document: await get("document", 2),
    read: [read.title, [...read.tags].sort().join(), read.parts.width, read.data[0]],
    updated: updated.Attributes,
  };
}

async function refusals() {
  const condition = await refusal(
    tables.send(
      new PutItemCommand({
        TableName,
        Item: key("document", 2),
        ConditionExpression: "attribute_not_exists(pk)",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  const invalid = await refusal(
    tables.send(new GetItemCommand({ TableName, Key: { pk: { S: "types" }, n: { S: "one" } } })),
  );
  const missing = await refusal(tables.send(new GetItemCommand({ TableName: "Missing", Key: key("a", 1) })));
  return {
    condition: [condition.name, condition.message, condition.Item.title.S],
    invalid: [invalid.name, invalid.message],
    missing: [missing.name, missing.message],
  };
}

async function batches() {
  const puts = Array.from({ length: 25 }, (_, n) => ({
    PutRequest: {
      Item: { ...key("batch", n), kind: { S: n % 2 ? "odd" : "even" }, title: { S: `title ${n}` }, body: { S: "b" } },
    },
  }));
  const written = await tables.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: puts } }));
  const Keys = puts.map((_, n) => key("batch", n));
  const read = await tables.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }));
  return {
    batch: [
      Object.keys(written.UnprocessedItems ?? {}).length,
      read.Responses[TableName].length,
      Object.keys(read.UnprocessedKeys ?? {}).length,
    ],
  };
}

async function reads() {
  const partition = {
    TableName,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": { S: "batch" } },
  };
  const pages = [];
  for await (const page of paginateQuery({ client: tables, pageSize: 10 }, { ...partition })) pages.push(page.Count);
  const last = await tables.send(new QueryCommand({ ...partition, ScanIndexForward: false, Limit: 3 }));
  const index = await tables.send(
    new QueryCommand({
      TableName,
      IndexName,
      KeyConditionExpression: "kind = :kind AND n BETWEEN :low AND :high",
      ExpressionAttributeValues: { ":kind": { S: "odd" }, ":low": { N: "4" }, ":high": { N: "8" } },
    }),
  );
  let scanned = 0;
  for (const Segment of [0, 1]) {
    const segment = {
      TableName,
      Segment,
      TotalSegments: 2,
      FilterExpression: "begins_with(title, :t) AND n >= :n",
      ExpressionAttributeValues: { ":t": { S: "title" }, ":n": { N: "5" } },
    };
    for await (const page of paginateScan({ client: tables, pageSize: 4 }, segment)) scanned += page.Count;
  }
  return { pages, descending: last.Items.map((item) => item.n.N), index: index.Items, scanned };
}

async function transactions() {
  await tables.send(
    new TransactWriteItemsCommand({
      ClientRequestToken: "once",
      TransactItems: [
        { Put: { TableName, Item: { ...key("moved", 1), title: { S: "moved" } } } },
        {
          Update: {
            TableName,
            Key: key("batch", 1),
            UpdateExpression: "SET title = :t",
            ExpressionAttributeValues: { ":t": { S: "changed" } },
          },
        },
        { Delete: { TableName, Key: key("batch", 2) } },
        { ConditionCheck: { TableName, Key: key("batch", 3), ConditionExpression: "attribute_exists(pk)" } },
      ],
    }),
  );
  const read = await tables.send(
    new TransactGetItemsCommand({
      TransactItems: [key("moved", 1), key("batch", 1), key("batch", 2)].map((Key) => ({ Get: { TableName, Key } })),
    }),
  );
  const cancelled = await refusal(
    tables.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName, Item: key("moved", 2) } },
          { Put: { TableName, Item: key("moved", 1), ConditionExpression: "attribute_not_exists(pk)" } },
        ],
      }),
    ),
  );
  return {
    transaction: read.Responses.map((response) => response.Item?.title.S ?? null),
    cancelled: [cancelled.name, ...cancelled.CancellationReasons.map((reason) => reason.Code)],
  };
}

async function life() {
  const put = new PutItemCommand({ TableName, Item: { ...key("life", 1), title: { S: "one" } } });
  await tables.send(put);
  await tables.send(put);
  await tables.send(
    new UpdateItemCommand({
      TableName,
      Key: key("life", 1),
      UpdateExpression: "SET title = :t",
      ExpressionAttributeValues: { ":t": { S: "two" } },
    }),
  );
  const deleted = await tables.send(
    new DeleteItemCommand({ TableName, Key: key("life", 1), ReturnValues: "ALL_OLD" }),
  );
  return { deleted: deleted.Attributes };
}

async function shardsOf(StreamArn) {
  const shards = [];
  let ExclusiveStartShardId;
  do {
    const { StreamDescription } = await streams.send(
      new DescribeStreamCommand({ StreamArn, Limit: 3, ExclusiveStartShardId }),
    );
    shards.push(...StreamDescription.Shards.map((shard) => shard.ShardId));
    ExclusiveStartShardId = StreamDescription.LastEvaluatedShardId;
  } while (ExclusiveStartShardId);
  return shards;
}

async function changes(StreamArn) {
  await tables.send(new UpdateTableCommand({ TableName, StreamSpecification: { StreamEnabled: false } }));
  const shards = await shardsOf(StreamArn);
  const counts = {};
  const events = [];
  for (const ShardId of shards) {
    let { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
    );
    while (ShardIterator) {
      const page = await streams.send(new GetRecordsCommand({ ShardIterator, Limit: 10 }));
      for (const { eventName, dynamodb } of page.Records) {
        counts[eventName] = (counts[eventName] ?? 0) + 1;
        if (dynamodb.Keys.pk.S === "life") {
          events.push([eventName, dynamodb.OldImage?.title.S ?? null, dynamodb.NewImage?.title.S ?? null]);
        }
      }
      ShardIterator = page.NextShardIterator;
    }
  }
  return { shards: shards.length, counts, events };
}

async function deleteTable() {
  await tables.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists(waiting, { TableName });
  return { gone: (await refusal(tables.send(new DescribeTableCommand({ TableName })))).name };
}

const { table, arn } = await createTable();
const seen = {
  table,
  ...(await items()),
  ...(await refusals()),
  ...(await batches()),
  ...(await reads()),
  ...(await transactions()),
  ...(await life()),
  ...(await changes(arn)),
  ...(await deleteTable()),
};
console.log(
  JSON.stringify(seen, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value)),
);
