"""The routes of version 1 of the API: each is one call of an object."""
