"""Every limit of the contract, and the AWS limit from which it follows.

DynamoDB: an item is at most 400 KB, a transaction 100 items and 4 MB, a batch write 25 deletes
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html). Lambda: a request or an answer
is at most 6 MB (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

MESSAGE_LIMIT = 64 << 20
"""Bytes of one message's JSON, without its id, its place and its times: so any body holds what it may."""

PARTS_LIMIT = 1 << 20
"""Bytes of one message as stored where there is no bucket: it takes three items."""

REQUEST_LIMIT = 3 << 20
"""Bytes of the items of one append's messages; without a bucket, of all of its messages as stored."""

BODY_LIMIT = 5_000_000
"""Bytes of a request's body: what it stores must fit into the answer too."""

PAYLOAD_LIMIT = 5_000_000
"""Bytes of messages in one answer."""

COMPARED_BYTES = 32 << 20
"""Bytes of stored messages that are held at once to be compared with a request's."""

PARSED_BYTES = 8 << 20
"""Bytes of a stored message that a small request may have parsed: Python's objects take ten times as much."""

MAX_ATTACHED = 10_000
"""Tool calls that were added to a stored message: a token of each lies in its first item, 8 bytes long."""

EDITS_KEPT = 32
"""Edits of a stored message that are known again by their ids: a mark of each lies in its first item."""

ENTRIES_LIMIT = PAYLOAD_LIMIT
"""Bytes of several entries that are stored as one batch, with their lines' ends: an answer holds them."""

ENTRY_LIMIT = 64 << 20
"""Bytes of one entry's JSON. One that no answer holds is a batch of its own."""

OBJECT_LIMIT = max(ENTRY_LIMIT, MESSAGE_LIMIT) + 65_536
"""Bytes of an object in the bucket: a message or a batch, and what deflate adds where it saves nothing."""

APART_LIMIT = 64 << 20
"""Bytes of messages that an export in the bucket is written of, and of a transcript there as JSON lines."""

WRITTEN_LIMIT = 2 * APART_LIMIT
"""Bytes of an export in the bucket: what is written of a message may be larger than the message."""

FILE_LIMIT = 512 << 20
"""Bytes of a file: one PutObject takes ten times as much, and a browser sends it in one request."""

BODY_FILE_LIMIT = 64 << 20
"""Bytes of a request's body that is sent as a file: a function holds it in memory."""

VALUES_LIMIT = 5_000_000
"""JSON values in a request's body. Of each, Python makes an object of up to 250 bytes, and all are walked
through: a body of so many was measured to take 3 to 4 seconds and up to 700 MB."""

FILE_NAME_LIMIT = 255
"""Characters of a file's name, and of its media type."""

FILES_AT_ONCE = 100
"""Files in one page of a list: each may have to be looked for in the bucket."""

UPLOAD_SECONDS = 900
"""How long a client may begin to send a file's bytes. S3 refuses what begins later."""

DOWNLOAD_SECONDS = 900
"""How long a client may begin to read from an address."""

UPLOAD_DAYS = 1
"""After so long a file whose bytes did not come goes. What began in time has ended by then."""

FIELDS_LIMIT = 32 * 1024
"""Bytes of JSON of a session's objects, all together: the head is read with every request."""

PART_SIZE = 390 * 1024
"""Bytes of a message in one item: 400 KB less the keys. One of more JSON is kept in two pieces."""

NAME_LIMIT = 64 * 1024
"""Characters of a message's `name` and `tool_call_id`: some providers' ids hold a signature."""

METADATA_LIMIT = 32 * 1024
"""Bytes of JSON of a message's `metadata`."""

TITLE_LIMIT = 300
"""Characters of a title."""

MAX_DETAILS = 32
"""Names of nested counters of tokens that a session keeps: they lie in its head."""

DEPTH_LIMIT = 500
"""Levels to which a message or an entry may be nested: Python's JSON stops at about a thousand."""

TRANSACTION_ITEMS = 100

TRANSACTION_BYTES = 3_900_000
"""Bytes of messages and events in one transaction; head, stream and keys take up to 4 MB."""

MAX_BATCH = TRANSACTION_ITEMS - 1
"""Messages in one append: the head is in the transaction too."""

MAX_FIRST_BATCH = TRANSACTION_ITEMS - 3
"""Messages in one create: the head, the user's count and the retention marker are in it too."""

MAX_DELETES = TRANSACTION_ITEMS - 1
"""Items of messages that one step of a rewind deletes: the head is in the transaction too."""

FORK_ITEMS = 24
"""Items of messages that one step of a fork writes: with the head they are 25 items a request."""

FORK_DAYS = 1
"""After so long a fork that is not whole is given up."""

MAX_EVENTS = 500
"""Events of a stream in one batch: a cache takes at most 3,999 words in a command."""

EVENTS_LIMIT = 1_000_000
"""Bytes of JSON of one batch of events."""

EVENTS_PAGE = 1_000
"""Events in one answer."""

STREAM_LIMIT = 64 << 20
"""Bytes of JSON of a stream's events, all together."""

MAX_FINAL = 90
"""Messages that the end of a stream puts: head, stream and its last events are in the transaction too."""

SEGMENT_BYTES = 64 << 10
"""Bytes of a stream's events that may be in the cache alone."""

SEGMENT_SECONDS = 5
"""How long a stream's events may be in the cache alone."""

LEASE_SECONDS = 30
"""How long a stream belongs to its producer, if that says nothing else."""

MAX_LEASE_SECONDS = 300

LEASE_GRACE = 10
"""Seconds behind the lease's end, from which another may take the stream over: clocks differ."""

LEASE_LOST = 120
"""Seconds behind the lease's end, from which whoever looks ends the stream as failed."""

CANCEL_SECONDS = 15
"""How long a producer has to end a stream that was cancelled, before whoever looks does it."""

STREAM_FORGOTTEN_DAYS = 7
"""How long a stream is refused with 410 after its events are kept no longer. Then its id is free."""

CUTS_KEPT = 100
"""Take-overs of a stream that a reader with an older cursor is led past."""

MAX_WAIT = 20
"""Seconds that a read of events waits at the most."""

FOLLOW_SECONDS = 60
"""How long an answer of server-sent events goes on. Its reader comes again: Lambda sees nobody go."""

HEARTBEAT_SECONDS = 15
"""After so long without an event, a comment says that the connection is alive."""

JOB_LEASE_SECONDS = 60
"""How long a job belongs to its worker, if that says nothing else."""

MAX_JOB_LEASE_SECONDS = 3_600

JOB_DEADLINE_SECONDS = 3_600
"""How long a job may take, if whoever starts it says nothing else."""

MAX_JOB_DEADLINE_SECONDS = 30 * 86_400

JOB_CANCEL_SECONDS = 30
"""How long a worker has to end a job that was cancelled, before whoever looks does it."""

JOB_INPUT_LIMIT = 96 << 10
"""Bytes of JSON of a job's input. An item holds it together with all else of a job."""

JOB_RESULT_LIMIT = 4_500_000
"""Bytes of a job's result as they are in an answer, which holds the rest of the job as well."""

JOB_RESULT_ROOM = 160 << 10
"""Bytes of a packed result in the job's item, see `JOB_INPUT_LIMIT`. A larger one is an object."""

JOB_WORD_LIMIT = 16 << 10
"""Bytes of JSON of what a worker asks, and of what it is answered."""

JOB_PROGRESS_LIMIT = 4 << 10
"""Bytes of JSON of a job's progress: each heartbeat that has it writes it."""

JOBS_PAGE = 100
"""Jobs in one page of a list: each is read by itself."""

DUE_SHARDS = 4
"""Partitions of the index by which what is due is found: one takes about a thousand writes a second."""

MAX_PUT = 10_000
"""Messages in one PUT."""

MAX_ENTRIES = 500
"""Entries of a transcript in one append."""

MAX_IMPORT = 10_000
"""Lines in one request of an import, and entries in one answer when so many are asked for."""

TRANSCRIPT_RING = 512
"""How many of a transcript's newest entries are known again by their `uuid`: a whole append fits."""

DELETE_BATCH = 25

TOMBSTONE_DAYS = 30
"""How long an id stays refused after its messages are purged; far longer than any cache entry or writer."""

CONNECT_SECONDS = 1

REQUEST_SECONDS = 4
"""How long one request to the table may take, before it counts as not answered. API Gateway waits for 30."""

HEALTH_SECONDS = 2
"""How long a look at the table's health goes on trying, and how long one try may take."""

DRAFT_LIMIT = 1_000_000
"""Bytes of a draft in an answer: it may stand beside `PAYLOAD_LIMIT` of messages."""

SETTLED_DAYS = 1
"""After so long no request is on its way any more, and no record of the stream, which keeps them a day."""

CREATE_DAYS = SETTLED_DAYS + 1
"""After so long the objects of a create are looked for: then those that no session has are settled."""

OPERATION_SECONDS = 29.0
"""How long an operation may go on trying; as long as API Gateway waits for one."""
