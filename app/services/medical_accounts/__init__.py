"""Medical personal accounts: the book of what was drawn from them; their balances are behind a port."""
