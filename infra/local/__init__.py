"""The local server: what Turnlog runs on in AWS, on a laptop, with nothing to install beside Python.

`gateway` stands in for API Gateway, `lambdas` for Lambda, `stream` for the table's stream and its time to
live; `embedded` starts the table (`dynamodb`, which is moto) and the cache (Valkey), `containers` opens them
to containers, `data` is the file in which they keep what they hold, where they are given a folder (`kept` has
moto tell it what changed), and `access` keeps web pages from elsewhere out. `server` puts them together, `__main__` is
`python -m infra.local`.
"""
