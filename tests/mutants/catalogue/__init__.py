"""The sabotages: small, such as a hurried change could make, each of a line that keeps a promise."""

from tests.mutants.catalogue.appends import APPENDS
from tests.mutants.catalogue.bursts import BURSTS
from tests.mutants.catalogue.cache import CACHE
from tests.mutants.catalogue.cancelled import CANCELLED
from tests.mutants.catalogue.clients import CLIENTS
from tests.mutants.catalogue.doubts import DOUBTS
from tests.mutants.catalogue.edge import EDGE
from tests.mutants.catalogue.edits import EDITS
from tests.mutants.catalogue.files import FILES
from tests.mutants.catalogue.forks import FORKS
from tests.mutants.catalogue.formats import FORMATS
from tests.mutants.catalogue.generations import GENERATIONS
from tests.mutants.catalogue.imports import IMPORTS
from tests.mutants.catalogue.jobs import JOBS
from tests.mutants.catalogue.large import LARGE
from tests.mutants.catalogue.limits import LIMITS
from tests.mutants.catalogue.open_messages import OPEN_MESSAGES
from tests.mutants.catalogue.overtaken import OVERTAKEN
from tests.mutants.catalogue.process import PROCESS
from tests.mutants.catalogue.programs import PROGRAMS
from tests.mutants.catalogue.reads import READS
from tests.mutants.catalogue.rewinds import REWINDS
from tests.mutants.catalogue.serving import SERVING
from tests.mutants.catalogue.sessions import SESSIONS
from tests.mutants.catalogue.stream_adapters import STREAM_ADAPTERS
from tests.mutants.catalogue.streams import STREAMS
from tests.mutants.catalogue.transcripts import TRANSCRIPTS

MUTANTS = (
    *APPENDS,
    *SESSIONS,
    *READS,
    *REWINDS,
    *TRANSCRIPTS,
    *IMPORTS,
    *CACHE,
    *CANCELLED,
    *OPEN_MESSAGES,
    *OVERTAKEN,
    *JOBS,
    *CLIENTS,
    *DOUBTS,
    *EDITS,
    *EDGE,
    *FILES,
    *FORKS,
    *FORMATS,
    *LIMITS,
    *LARGE,
    *PROCESS,
    *PROGRAMS,
    *BURSTS,
    *GENERATIONS,
    *STREAMS,
    *STREAM_ADAPTERS,
    *SERVING,
)
