"""Pure: what is said to customers' apps, as typed values and as bytes. No input or output, no clock, no state."""
