"""One Lambda function an operation: parse, one call, answer."""

import gc

# A cold start is imports, which make 100,000 objects and no garbage: looking for it is a tenth of the time.
gc.set_threshold(150_000, 20, 20)
