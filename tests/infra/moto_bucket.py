"""What moto's CloudFormation leaves out of a bucket: all but its encryption, and its policy."""

from __future__ import annotations

import json

import boto3
from moto.s3.models import FakeBucket

from tests.infra.moto_types import Properties, Result, _define, _extend, _typed


def install() -> None:
    """Teach moto's CloudFormation the rest of a bucket."""
    _extend(FakeBucket, _finish_bucket)
    _define("AWS::S3::BucketPolicy", _policy)


def _finish_bucket(bucket: FakeBucket, properties: Properties) -> None:
    client, name = boto3.client("s3"), bucket.name
    client.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=_typed(properties["PublicAccessBlockConfiguration"]),
    )
    client.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    rules = [
        # CloudFormation's words for two of the API's.
        {("ID" if key == "Id" else key): value for key, value in rule.items() if key != "Prefix"}
        | {"Filter": {"Prefix": rule.get("Prefix", "")}}
        for rule in _typed(properties["LifecycleConfiguration"])["Rules"]
    ]
    for rule in rules:
        if rule.pop("ExpiredObjectDeleteMarker", False):
            rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
        if days := rule.pop("ExpirationInDays", None):
            rule["Expiration"] = {"Days": days}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


def _policy(_: str, properties: Properties) -> Result:
    name = properties["Bucket"]
    boto3.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(properties["PolicyDocument"]))
    return Result(name, {})
