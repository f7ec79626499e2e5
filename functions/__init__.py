"""One Lambda function an operation: parse, one call, answer."""

import gc

# A cold start is imports, which make no garbage: looking for it 50 times is a tenth of the time.
gc.set_threshold(50_000, 20, 20)
