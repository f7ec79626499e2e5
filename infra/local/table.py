"""The table of `template.yaml`, made at an endpoint where it is missing."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from infra.template import table_definition, ttl_attribute


def ensure_table(client: Any, name: str) -> None:
    """Make the table with its index, stream and time to live, unless there is one of this name.

    Args:
        client: a boto3 DynamoDB client.
        name: the table's name.

    Raises:
        ClientError: the endpoint refuses.
    """
    try:
        client.create_table(**table_definition(name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
        return
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    client.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"AttributeName": ttl_attribute(), "Enabled": True},
    )
