"""What tests/run is made of: child processes, groups of tests, and the report at the end."""
