"""Tables written to and read from buckets of objects: exports, imports and bulk puts."""
