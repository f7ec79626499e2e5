#!/bin/sh
# AWS_LAMBDA_EXEC_WRAPPER of the functions that stream: Lambda starts this with the command of its own runtime,
# of which the interpreter is taken. The code comes before the layers, as in Lambda's runtime.
cd "$LAMBDA_TASK_ROOT" || exit 1
export PYTHONPATH="$LAMBDA_TASK_ROOT:/opt/python${PYTHONPATH:+:$PYTHONPATH}"
exec "$1" -m turnlog.http.streaming_runtime
