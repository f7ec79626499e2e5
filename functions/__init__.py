"""One Lambda function an operation: parse, one call, answer.

Those that API Gateway calls are written by `make generate`; each names its endpoint in
`turnlog.http.endpoints`, and does nothing else.
"""

import gc
import os

# A cold start is imports, which make 100,000 objects and no garbage: looking for it is a tenth of the time.
# Elsewhere it is the program's own affair.
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.set_threshold(150_000, 20, 20)
