-- Every statement that the engine runs, by name. Those that end in VALUES (...) are run for many
-- rows at once.

-- name: get
SELECT data FROM item WHERE table_id = ? AND key = ?;

-- name: rows
SELECT key, size, data FROM item
WHERE table_id = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?;

-- name: rows_backwards
SELECT key, size, data FROM item
WHERE table_id = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?;

-- name: index_rows
SELECT row.key, item.size, item.data FROM index_row AS row CROSS JOIN item ON item.id = row.item_id
WHERE row.index_id = ? AND row.key >= ? AND row.key < ? ORDER BY row.key LIMIT ?;

-- name: index_rows_backwards
SELECT row.key, item.size, item.data FROM index_row AS row CROSS JOIN item ON item.id = row.item_id
WHERE row.index_id = ? AND row.key >= ? AND row.key < ? ORDER BY row.key DESC LIMIT ?;

-- name: records
-- CROSS JOIN keeps the order of the array; IN would first sort it into a tree of its own.
SELECT clock, data FROM carray(?) CROSS JOIN record ON clock = value;

-- name: records_after
SELECT clock, shard_id, NULL FROM record WHERE clock > ? ORDER BY clock LIMIT ?;

-- name: postings
SELECT last, clocks FROM posting WHERE shard_id = ? AND last > ? ORDER BY last LIMIT ?;

-- name: last_posting
SELECT max(last) FROM posting WHERE shard_id = ?;

-- name: begin
BEGIN;

-- name: begin_write
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: stored
SELECT id, size, data FROM item WHERE table_id = ? AND key = ?;

-- name: insert_item
INSERT INTO item (id, table_id, key, size, data) VALUES (?, ?, ?, ?, ?);

-- name: update_item
UPDATE item SET size = ?, data = ? WHERE id = ?;

-- name: delete_item
DELETE FROM item WHERE id = ?;

-- name: has_index_row
SELECT 1 FROM index_row WHERE index_id = ? AND key = ?;

-- name: insert_index_row
INSERT OR REPLACE INTO index_row (index_id, key, item_id) VALUES (?, ?, ?);

-- name: delete_index_row
DELETE FROM index_row WHERE index_id = ? AND key = ?;

-- name: insert_record
INSERT INTO record (clock, shard_id, data) VALUES (?, ?, ?);

-- name: put_usage
INSERT OR REPLACE INTO usage (id, items, size) VALUES (?, ?, ?);

-- name: delete_usage
DELETE FROM usage WHERE id = ?;

-- name: all_usage
SELECT id, items, size FROM usage;

-- name: put_entity
INSERT OR REPLACE INTO entity (kind, id, body) VALUES (?, ?, ?);

-- name: delete_entity
DELETE FROM entity WHERE kind = ? AND id = ?;

-- name: all_entities
SELECT kind, body FROM entity;

-- name: put_counter
INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?);

-- name: counter
SELECT value FROM counter WHERE name = ?;

-- name: newest_clock
SELECT max(clock) FROM record;

-- name: newest_item
SELECT max(id) FROM item;

-- name: items_after
SELECT id, key, size, data FROM item WHERE table_id = ? AND key > ? ORDER BY key LIMIT ?;

-- name: insert_missing_index_row
INSERT OR IGNORE INTO index_row (index_id, key, item_id) VALUES (?, ?, ?);

-- name: next_to_trim
SELECT shard_id, max(clock), count(*) FROM
(SELECT clock, shard_id FROM record WHERE clock < ? ORDER BY clock LIMIT ?) GROUP BY shard_id;

-- name: trim
DELETE FROM record WHERE clock <= ?;

-- name: delete_records
DELETE FROM record WHERE clock IN carray(?);

-- name: insert_posting
INSERT INTO posting (shard_id, last, clocks) VALUES (?, ?, ?);

-- name: update_posting
UPDATE posting SET clocks = ? WHERE shard_id = ? AND last = ?;

-- name: delete_postings
DELETE FROM posting WHERE shard_id = ? AND last <= ?;

-- name: all_trimmed
SELECT shard_id, clock FROM trimmed;

-- name: put_trimmed
INSERT OR REPLACE INTO trimmed (shard_id, clock) VALUES (?, ?);

-- name: delete_trimmed
DELETE FROM trimmed WHERE shard_id = ?;

-- name: put_dropped
INSERT OR IGNORE INTO dropped (kind, id) VALUES (?, ?);

-- name: next_dropped
SELECT kind, id FROM dropped ORDER BY kind, id LIMIT 1;

-- name: delete_dropped
DELETE FROM dropped WHERE kind = ? AND id = ?;

-- name: purge_item
DELETE FROM item WHERE id IN (SELECT id FROM item WHERE table_id = ? LIMIT ?);

-- name: purge_index_row
DELETE FROM index_row WHERE index_id = ?1 AND key IN
(SELECT key FROM index_row WHERE index_id = ?1 ORDER BY key LIMIT ?2);
