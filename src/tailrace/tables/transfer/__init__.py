"""Tables written to and read from buckets of objects: exports and imports."""
