"""POST /hooks/jobs."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.report_job import handler

__all__ = ["handler"]
