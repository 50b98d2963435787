"""What runs the end-to-end tests: discovery, one lab per file, results. See tests/e2e/run."""
