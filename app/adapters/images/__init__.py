"""Image work: decoding in processes that may be killed, and the pool that holds them."""
