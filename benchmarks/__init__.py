"""asv's door to the suites: one class per suite, and kernels that asv samples itself."""
