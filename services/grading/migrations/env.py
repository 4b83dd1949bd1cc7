from services.grading.tables import metadata
from shared.database.migrations import run

run(metadata)
