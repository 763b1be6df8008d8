-- Which records a shard has: lists of clocks, each of 8 bytes, little-endian, ascending; `last` is
-- the last of its list. They are written many records at a time. An index of the records by shard
-- would have each commit change a page for each shard that got a record: with four shards a table's
-- puts took 24 KiB of log each, and 15 KiB with lists.
DROP INDEX record_shard;
CREATE TABLE posting (
    shard_id INTEGER NOT NULL,
    last INTEGER NOT NULL,
    clocks BLOB NOT NULL,
    PRIMARY KEY (shard_id, last)
) WITHOUT ROWID;
-- The clock up to which records are in the lists.
INSERT INTO counter (name, value) VALUES ('last_posted', 0);
