"""DynamoDB in memory: as much of it as the store uses, in one thread, with no state outside its objects.

What is not implemented raises NotImplementedError, so that no test can pass on semantics that are not there.
tests/conformance compares it with Amazon's DynamoDB Local.
"""
