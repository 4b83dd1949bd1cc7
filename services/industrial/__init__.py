"""The industrial accounts: meters, production and process activities become emissions."""
