package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	changed "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// changes closes the stream and reads each of its shards to the end.
func (t trip) changes(all seen, arn *string) {
	must(t.tables.UpdateTable(t.ctx, &dynamodb.UpdateTableInput{
		TableName:           aws.String(table),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)},
	}))
	streams := dynamodbstreams.NewFromConfig(t.config)
	shards := t.shards(streams, arn)
	counts := map[changed.OperationType]int{}
	events := [][]any{}
	for _, shard := range shards {
		iterator := must(streams.GetShardIterator(t.ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard, ShardIteratorType: changed.ShardIteratorTypeTrimHorizon,
		})).ShardIterator
		for iterator != nil {
			page := must(streams.GetRecords(t.ctx, &dynamodbstreams.GetRecordsInput{
				ShardIterator: iterator, Limit: aws.Int32(10),
			}))
			for _, record := range page.Records {
				counts[record.EventName]++
				if title(record.Dynamodb.Keys, "pk") == "life" {
					events = append(events, []any{
						record.EventName,
						title(record.Dynamodb.OldImage, "title"),
						title(record.Dynamodb.NewImage, "title"),
					})
				}
			}
			iterator = page.NextShardIterator
		}
	}
	all["shards"], all["counts"], all["events"] = len(shards), counts, events
}

// title is an attribute of a stream's image, whose types are others than a table's.
func title(image map[string]changed.AttributeValue, name string) any {
	return text(must(attributevalue.FromDynamoDBStreamsMap(image)), name)
}

func (t trip) shards(streams *dynamodbstreams.Client, arn *string) (shards []*string) {
	var after *string
	for {
		described := must(streams.DescribeStream(t.ctx, &dynamodbstreams.DescribeStreamInput{
			StreamArn: arn, Limit: aws.Int32(3), ExclusiveStartShardId: after,
		})).StreamDescription
		for _, shard := range described.Shards {
			shards = append(shards, shard.ShardId)
		}
		if after = described.LastEvaluatedShardId; after == nil {
			return shards
		}
	}
}
