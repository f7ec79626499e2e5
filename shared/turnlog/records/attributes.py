"""Short names of attributes: a head counts by its bytes, and names are some of them.

A head of a usual session should stay under one write unit (1 KB). These are the attributes of heads alone:
names that other items have as well are not shortened.
"""

SHORT = {
    "message_count": "n",
    "rewinds": "r",
    "log_size": "l",
    "prompt_tokens": "p",
    "completion_tokens": "c",
    "total_tokens": "t",
    "details": "d",
}
"""Attribute of a `Head` → its name in the table."""
