from services.points.tables import metadata
from shared.database.migrations import run

run(metadata)
