"""The Python interface: what `import optathlon` offers to a notebook."""
