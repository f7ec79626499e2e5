"""The local server: what Turnlog runs on in AWS, on a laptop, with nothing to install beside Python.

`gateway` stands in for API Gateway, `lambdas` for Lambda, `stream` for the table's stream and its time to
live. `embedded` starts the table and bucket (`dynamodb`, which is moto) and the cache (Valkey). `data` is the
file that keeps the table and bucket, where there is a folder for it; `kept` has moto tell it what changed.
`containers` opens all of these to containers, and `access` keeps web pages from elsewhere out. `server` puts
them together, `__main__` is `python -m infra.local`.
"""
