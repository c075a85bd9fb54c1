"""What the tests share: a clock that is set by hand, and the parts of a server wired without a network."""
