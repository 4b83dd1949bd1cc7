from services.industrial.tables import metadata
from shared.database.migrations import run

run(metadata)
