"""Pure rules: values and the current time go in, decisions come out. No input or output, no clock."""
