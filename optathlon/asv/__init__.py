"""asv's side of the house: the classes behind `benchmarks/`, and the name under which asv knows this machine."""
