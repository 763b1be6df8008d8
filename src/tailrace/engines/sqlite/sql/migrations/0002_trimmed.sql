-- The clock of the newest record that was ever trimmed from a shard: what tells a reader that lost
-- records from one that had them all.
CREATE TABLE trimmed (
    shard_id INTEGER PRIMARY KEY,
    clock INTEGER NOT NULL
);
