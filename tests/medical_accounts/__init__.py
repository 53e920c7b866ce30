"""Medical personal accounts and the book behind them."""
