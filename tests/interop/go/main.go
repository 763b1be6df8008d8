// Sends the round trips of ../round_trips.py with the AWS SDK for Go, and prints what came as one JSON object.
// Argument: the endpoint.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

const (
	table = "Trips"
	index = "ByKind"
)

type item = map[string]types.AttributeValue

type seen map[string]any

type trip struct {
	ctx    context.Context
	config aws.Config
	tables *dynamodb.Client
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 100*time.Second)
	defer stop()
	config := aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(os.Args[1]),
		Credentials:  credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	t := trip{ctx, config, dynamodb.NewFromConfig(config)}
	all := seen{}
	arn := t.createTable(all)
	for _, step := range []func(seen){t.items, t.refusals, t.batches, t.reads, t.transactions, t.life} {
		step(all)
	}
	t.changes(all, arn)
	t.deleteTable(all)
	must(0, json.NewEncoder(os.Stdout).Encode(all))
}

// must ends the program at an error that was not wanted.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// refusal is the error that was wanted.
func refusal(err error) smithy.APIError {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		log.Fatalf("not refused: %v", err)
	}
	return refused
}

func s(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func n(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

func key(pk string, number int) item {
	return item{"pk": s(pk), "n": n(fmt.Sprint(number))}
}

// plain is a value in DynamoDB's JSON.
func plain(value types.AttributeValue) any {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return seen{"S": v.Value}
	case *types.AttributeValueMemberN:
		return seen{"N": v.Value}
	case *types.AttributeValueMemberB:
		return seen{"B": v.Value}
	case *types.AttributeValueMemberBOOL:
		return seen{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return seen{"NULL": v.Value}
	case *types.AttributeValueMemberSS:
		return seen{"SS": v.Value}
	case *types.AttributeValueMemberNS:
		return seen{"NS": v.Value}
	case *types.AttributeValueMemberBS:
		return seen{"BS": v.Value}
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, element := range v.Value {
			list = append(list, plain(element))
		}
		return seen{"L": list}
	case *types.AttributeValueMemberM:
		return seen{"M": plainItem(v.Value)}
	}
	log.Fatalf("no value: %T", value)
	return nil
}

func plainItem(values item) seen {
	all := seen{}
	for name, value := range values {
		all[name] = plain(value)
	}
	return all
}

// text is an attribute's string, or nil where there is no such attribute.
func text(values item, name string) any {
	if value, ok := values[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return nil
}

func (t trip) get(pk string, number int) item {
	return must(t.tables.GetItem(t.ctx, &dynamodb.GetItemInput{
		TableName: aws.String(table), Key: key(pk, number), ConsistentRead: aws.Bool(true),
	})).Item
}

func (t trip) createTable(all seen) *string {
	must(t.tables.CreateTable(t.ctx, &dynamodb.CreateTableInput{
		TableName: aws.String(table),
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("n"), AttributeType: types.ScalarAttributeTypeN},
			{AttributeName: aws.String("kind"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: schema("pk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(index),
			KeySchema: schema("kind"),
			Projection: &types.Projection{
				ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"title"},
			},
		}},
		BillingMode: types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}))
	describe := &dynamodb.DescribeTableInput{TableName: aws.String(table)}
	must(0, dynamodb.NewTableExistsWaiter(t.tables).Wait(t.ctx, describe, 30*time.Second))
	made := must(t.tables.DescribeTable(t.ctx, describe)).Table
	all["table"] = seen{
		"status":  made.TableStatus,
		"created": !made.CreationDateTime.IsZero(),
		"index":   made.GlobalSecondaryIndexes[0].IndexStatus,
		"view":    made.StreamSpecification.StreamViewType,
	}
	return made.LatestStreamArn
}

func schema(hash string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String("n"), KeyType: types.KeyTypeRange},
	}
}

func (t trip) items(all seen) {
	every := key("types", 1)
	every["kind"] = s("types")
	every["title"] = s("Ä ☃ 𝄞")
	every["empty"] = s("")
	every["exact"] = n("12345678901234567890.123456789012345678")
	every["yes"] = &types.AttributeValueMemberBOOL{Value: true}
	every["nothing"] = &types.AttributeValueMemberNULL{Value: true}
	every["bytes"] = &types.AttributeValueMemberB{Value: []byte{0, 255, 16}}
	every["words"] = &types.AttributeValueMemberSS{Value: []string{"a", "b"}}
	every["numbers"] = &types.AttributeValueMemberNS{Value: []string{"-3", "1", "2.5"}}
	every["blobs"] = &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}
	every["list"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{
		s("x"), n("7"), &types.AttributeValueMemberL{}, &types.AttributeValueMemberM{},
	}}
	deeper := &types.AttributeValueMemberM{Value: item{"deeper": &types.AttributeValueMemberBOOL{}}}
	every["map"] = &types.AttributeValueMemberM{Value: item{"deep": deeper}}
	t.put(every)
	all["types"] = plainItem(t.get("types", 1))
	t.document(all)
	all["updated"] = plainItem(must(t.tables.UpdateItem(t.ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(table),
		Key:       key("types", 1),
		UpdateExpression: aws.String(
			"SET #t = :t, #c = if_not_exists(#c, :zero) + :one REMOVE #l[1], #m ADD #n :more DELETE #w :less"),
		ConditionExpression: aws.String("attribute_exists(pk) AND size(#w) = :two"),
		ExpressionAttributeNames: map[string]string{
			"#t": "title", "#c": "counter", "#l": "list", "#m": "map", "#n": "numbers", "#w": "words",
		},
		ExpressionAttributeValues: item{
			":t": s("new"), ":zero": n("0"), ":one": n("1"), ":two": n("2"),
			":more": &types.AttributeValueMemberNS{Value: []string{"40"}},
			":less": &types.AttributeValueMemberSS{Value: []string{"b"}},
		},
		ReturnValues: types.ReturnValueAllNew,
	})).Attributes)
}

func (t trip) put(values item) {
	must(t.tables.PutItem(t.ctx, &dynamodb.PutItemInput{TableName: aws.String(table), Item: values}))
}

type document struct {
	Pk    string             `dynamodbav:"pk"`
	N     int                `dynamodbav:"n"`
	Title string             `dynamodbav:"title"`
	Tags  []string           `dynamodbav:"tags,stringset"`
	Parts map[string]float64 `dynamodbav:"parts"`
	Data  []byte             `dynamodbav:"data"`
}

func (t trip) document(all seen) {
	t.put(must(attributevalue.MarshalMap(document{
		"document", 2, "A document", []string{"one", "two"}, map[string]float64{"width": 1.5}, []byte{9},
	})))
	stored := t.get("document", 2)
	var read document
	must(0, attributevalue.UnmarshalMap(stored, &read))
	slices.Sort(read.Tags)
	all["document"] = plainItem(stored)
	all["read"] = []any{read.Title, strings.Join(read.Tags, ","), read.Parts["width"], read.Data[0]}
}

func (t trip) refusals(all seen) {
	_, err := t.tables.PutItem(t.ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(table),
		Item:                                key("document", 2),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var condition *types.ConditionalCheckFailedException
	if !errors.As(err, &condition) {
		log.Fatal(err)
	}
	all["condition"] = []any{condition.ErrorCode(), condition.ErrorMessage(), text(condition.Item, "title")}
	_, err = t.tables.GetItem(t.ctx, &dynamodb.GetItemInput{
		TableName: aws.String(table), Key: item{"pk": s("types"), "n": s("one")},
	})
	invalid := refusal(err)
	all["invalid"] = []any{invalid.ErrorCode(), invalid.ErrorMessage()}
	_, err = t.tables.GetItem(t.ctx, &dynamodb.GetItemInput{TableName: aws.String("Missing"), Key: key("a", 1)})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		log.Fatal(err)
	}
	all["missing"] = []any{missing.ErrorCode(), missing.ErrorMessage()}
}

func (t trip) batches(all seen) {
	puts, keys := []types.WriteRequest{}, []item{}
	for number := range 25 {
		values := key("batch", number)
		values["kind"] = s([]string{"even", "odd"}[number%2])
		values["title"] = s(fmt.Sprintf("title %d", number))
		values["body"] = s("b")
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: values}})
		keys = append(keys, key("batch", number))
	}
	written := must(t.tables.BatchWriteItem(t.ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{table: puts},
	}))
	read := must(t.tables.BatchGetItem(t.ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys}},
	}))
	all["batch"] = []int{len(written.UnprocessedItems), len(read.Responses[table]), len(read.UnprocessedKeys)}
}

func (t trip) reads(all seen) {
	partition := dynamodb.QueryInput{
		TableName:                 aws.String(table),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": s("batch")},
	}
	pages := []int32{}
	following := partition
	following.Limit = aws.Int32(10)
	for query := dynamodb.NewQueryPaginator(t.tables, &following); query.HasMorePages(); {
		pages = append(pages, must(query.NextPage(t.ctx)).Count)
	}
	partition.ScanIndexForward = aws.Bool(false)
	partition.Limit = aws.Int32(3)
	descending := []string{}
	for _, values := range must(t.tables.Query(t.ctx, &partition)).Items {
		descending = append(descending, values["n"].(*types.AttributeValueMemberN).Value)
	}
	indexed := []seen{}
	for _, values := range must(t.tables.Query(t.ctx, &dynamodb.QueryInput{
		TableName:                 aws.String(table),
		IndexName:                 aws.String(index),
		KeyConditionExpression:    aws.String("kind = :kind AND n BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":kind": s("odd"), ":low": n("4"), ":high": n("8")},
	})).Items {
		indexed = append(indexed, plainItem(values))
	}
	all["pages"], all["descending"], all["index"] = pages, descending, indexed
	all["scanned"] = t.scan()
}

func (t trip) scan() (scanned int32) {
	for segment := range int32(2) {
		for scan := dynamodb.NewScanPaginator(t.tables, &dynamodb.ScanInput{
			TableName:                 aws.String(table),
			Segment:                   aws.Int32(segment),
			TotalSegments:             aws.Int32(2),
			Limit:                     aws.Int32(4),
			FilterExpression:          aws.String("begins_with(title, :t) AND n >= :n"),
			ExpressionAttributeValues: item{":t": s("title"), ":n": n("5")},
		}); scan.HasMorePages(); {
			scanned += must(scan.NextPage(t.ctx)).Count
		}
	}
	return scanned
}

func (t trip) transactions(all seen) {
	name := aws.String(table)
	moved := key("moved", 1)
	moved["title"] = s("moved")
	must(t.tables.TransactWriteItems(t.ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: name, Item: moved}},
			{Update: &types.Update{
				TableName:                 name,
				Key:                       key("batch", 1),
				UpdateExpression:          aws.String("SET title = :t"),
				ExpressionAttributeValues: item{":t": s("changed")},
			}},
			{Delete: &types.Delete{TableName: name, Key: key("batch", 2)}},
			{ConditionCheck: &types.ConditionCheck{
				TableName: name, Key: key("batch", 3), ConditionExpression: aws.String("attribute_exists(pk)"),
			}},
		},
	}))
	gets := []types.TransactGetItem{}
	for _, wanted := range []item{key("moved", 1), key("batch", 1), key("batch", 2)} {
		gets = append(gets, types.TransactGetItem{Get: &types.Get{TableName: name, Key: wanted}})
	}
	titles := []any{}
	for _, response := range must(
		t.tables.TransactGetItems(t.ctx, &dynamodb.TransactGetItemsInput{TransactItems: gets})).Responses {
		titles = append(titles, text(response.Item, "title"))
	}
	_, err := t.tables.TransactWriteItems(t.ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: name, Item: key("moved", 2)}},
			{Put: &types.Put{
				TableName: name, Item: key("moved", 1), ConditionExpression: aws.String("attribute_not_exists(pk)"),
			}},
		},
	})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		log.Fatal(err)
	}
	reasons := []string{cancelled.ErrorCode()}
	for _, reason := range cancelled.CancellationReasons {
		reasons = append(reasons, aws.ToString(reason.Code))
	}
	all["transaction"], all["cancelled"] = titles, reasons
}

func (t trip) life(all seen) {
	one := key("life", 1)
	one["title"] = s("one")
	t.put(one)
	t.put(one)
	must(t.tables.UpdateItem(t.ctx, &dynamodb.UpdateItemInput{
		TableName:                 aws.String(table),
		Key:                       key("life", 1),
		UpdateExpression:          aws.String("SET title = :t"),
		ExpressionAttributeValues: item{":t": s("two")},
	}))
	all["deleted"] = plainItem(must(t.tables.DeleteItem(t.ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(table), Key: key("life", 1), ReturnValues: types.ReturnValueAllOld,
	})).Attributes)
}

func (t trip) deleteTable(all seen) {
	must(t.tables.DeleteTable(t.ctx, &dynamodb.DeleteTableInput{TableName: aws.String(table)}))
	describe := &dynamodb.DescribeTableInput{TableName: aws.String(table)}
	must(0, dynamodb.NewTableNotExistsWaiter(t.tables).Wait(t.ctx, describe, 30*time.Second))
	_, err := t.tables.DescribeTable(t.ctx, describe)
	all["gone"] = refusal(err).ErrorCode()
}
