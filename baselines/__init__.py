"""The methods, as a library: arrays in, arrays out, one package per field. Imports nothing of the harness."""
